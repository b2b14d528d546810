"""``patchbay import vapi`` from the API: what moves, what stays, and that a second run is idle."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.store.schema import (
    assistants,
    imports,
    phone_numbers,
    squads,
    structured_outputs,
    tools,
)
from tests.cli.vapi.conftest import Import, states
from tests.cli.vapi.organisation import (
    DESK,
    DIGITS,
    FILE,
    HEADER,
    NUMBER,
    OUTPUT,
    SQUAD,
    TOOL,
    VAPIS,
)
from tests.fakes.vapi import KEY, FakeVapi
from tests.routes.api import Api, organisation

ALL = {
    ("credential", "Our OpenAI (openai)"): "to be set here",
    ("credential", "Our server (webhook)"): "to be set here",
    ("file", "opening hours.txt"): "new",
    ("tool", "book"): "new",
    ("structured output", "Outcome"): "new",
    ("assistant", "Desk"): "new",
    ("squad", "Both"): "new",
    ("phone number", "Main line"): "new",
    ("phone number", "+14155550101"): "refused",
}
IDLE = {key: "unchanged" if state == "new" else state for key, state in ALL.items()}
STORED = ("/file", "/tool", "/assistant", "/squad", "/phone-number")


def content(api: Api) -> list[object]:
    found: list[object] = [api.get(path).json for path in STORED]
    return [*found, api.get("/structured-output").json["results"]]


def test_a_dry_run_says_all_and_stores_nothing(api: Api, vapi: FakeVapi, run: Import) -> None:
    before = content(api)
    outcome = run("--json")
    assert (outcome.exit_code, states(outcome)) == (1, ALL)
    assert content(api) == before
    assert "Dry run: nothing is stored. Add --write to do it." in run().output
    assert {method for method, _, _ in vapi.requests} == {"GET"}


def test_everything_moves_with_its_id_and_a_second_run_changes_nothing(
    api: Api, vapi: FakeVapi, run: Import
) -> None:
    assert states(run("--write", "--json")) == ALL
    desk = api.get(f"/assistant/{DESK}").json
    assert desk["model"]["toolIds"] == [TOOL]
    assert desk["model"]["knowledgeBase"]["fileIds"] == [FILE]
    assert desk["artifactPlan"]["structuredOutputIds"] == [OUTPUT]
    assert desk["credentialIds"] == []  # it is not set here
    assert api.get(f"/structured-output/{OUTPUT}").json["assistantIds"] == [DESK]
    assert api.get(f"/file/{FILE}").json["name"] == "opening hours.txt"
    assert api.get(f"/squad/{SQUAD}").json["members"] == [{"assistantId": DESK}]
    number = api.get(f"/phone-number/{NUMBER}").json
    assert (number["number"], number["assistantId"]) == (DIGITS, DESK)
    assert api.get(f"/phone-number/{VAPIS}").status_code == 404
    before = content(api)
    assert states(run("--write", "--json")) == IDLE
    assert content(api) == before


def test_the_report_names_each_field_and_no_secret(vapi: FakeVapi, run: Import) -> None:
    told = run("--fields").output
    for line in (
        f"tool book {TOOL}: new",
        "  served   type",
        "  ignored  rejectionPlan: no call of a tool is rejected",
        "  ignored  artifactPlan.videoRecordingEnabled: no video",
        "  mapped   serverUrl: the older spelling, served too",
        "  ignored  credentialIds: credential Our OpenAI is not set here and is left out",
        "  mapped   twilioAuthToken: the account that is set here counts",
        "  served   hooks",
        "  refused  Vapi gives no secrets: set OPENAI_API_KEY, or POST /credential",
    ):
        assert line in told.splitlines(), line
    assert "it is Vapi's own and cannot move" in told
    for secret in (KEY, HEADER, "f" * 32):
        assert secret not in told


def test_a_change_at_vapi_is_taken_and_one_here_stays(
    api: Api, vapi: FakeVapi, run: Import
) -> None:
    run("--write")
    desk = vapi.objects["/assistant"][0]
    desk["firstMessage"] = "A new greeting."
    assert states(run("--json"))["assistant", "Desk"] == "updated"
    assert states(run("--write", "--json"))["assistant", "Desk"] == "updated"
    assert api.get(f"/assistant/{DESK}").json["firstMessage"] == "A new greeting."

    api.patch(f"/assistant/{DESK}", {"firstMessage": "Ours."})
    assert states(run("--write", "--json"))["assistant", "Desk"] == "changed here"
    del desk["firstMessage"]
    assert states(run("--write", "--json"))["assistant", "Desk"] == "changed on both sides"
    assert api.get(f"/assistant/{DESK}").json["firstMessage"] == "Ours."
    assert states(run("--write", "--overwrite", "--json"))["assistant", "Desk"] == "updated"
    assert "firstMessage" not in api.get(f"/assistant/{DESK}").json
    assert states(run("--write", "--json"))["assistant", "Desk"] == "unchanged"


def test_a_secret_that_was_set_here_is_no_change_and_stays(
    api: Api, vapi: FakeVapi, run: Import
) -> None:
    run("--write")
    api.patch(f"/assistant/{DESK}", {"serverUrlSecret": "ours"})
    assert states(run("--write", "--json"))["assistant", "Desk"] == "unchanged"
    vapi.objects["/assistant"][0]["firstMessage"] = "A new greeting."
    assert states(run("--write", "--json"))["assistant", "Desk"] == "updated"
    services = api.app.extensions["patchbay"]
    with services.store.read() as conn:
        kind = services.resources.assistants
        stored = kind.full(kind.row(conn, api.org_id, DESK))
    assert (stored["serverUrlSecret"], stored["firstMessage"]) == ("ours", "A new greeting.")


def test_what_was_deleted_stays_so(api: Api, vapi: FakeVapi, run: Import) -> None:
    run("--write")
    assert api.delete(f"/phone-number/{NUMBER}").status_code == 200
    assert states(run("--write", "--json"))["phone number", "Main line"] == "deleted here"
    assert states(run("--write", "--overwrite", "--json"))["phone number", "Main line"] == "new"
    vapi.objects["/phone-number"].clear()
    told = states(run("--write", "--json"))
    assert told["phone number", NUMBER] == "no longer at Vapi: it stays here"
    assert api.get(f"/phone-number/{NUMBER}").status_code == 200


def test_an_id_of_another_organisation_is_replaced_everywhere(
    api: Api, vapi: FakeVapi, run: Import
) -> None:
    run("--write")
    desk, tool = api.get(f"/assistant/{DESK}").json, api.get(f"/tool/{TOOL}").json
    other = organisation(api.app, "77777777-7777-4777-8777-777777777777", "key of another")
    with api.app.extensions["patchbay"].store.write() as conn:  # as if the other had imported them
        for table in (phone_numbers, squads, assistants, tools, structured_outputs):
            conn.execute(table.update().values(org_id=other.org_id))
        conn.execute(imports.delete())
    assert states(run("--write", "--json"))["assistant", "Desk"] == "new"
    (copy,) = api.get("/assistant").json
    (new_tool,) = api.get("/tool").json
    assert copy["id"] != desk["id"]
    assert new_tool["id"] != tool["id"]
    assert copy["model"]["toolIds"] == [new_tool["id"]]
    assert states(run("--write", "--json"))["assistant", "Desk"] == "unchanged"


def test_a_number_that_is_here_already_is_not_stored_twice(
    api: Api, vapi: FakeVapi, run: Import
) -> None:
    account = api.get("/credential").json[0]["id"]
    body = {"provider": "twilio", "number": DIGITS, "credentialId": account}
    ours = api.made("/phone-number", body)
    assert states(run("--write", "--json"))["phone number", "Main line"] == "changed on both sides"
    run("--write", "--overwrite")
    (number,) = api.get("/phone-number").json
    assert (number["id"], number["assistantId"]) == (ours["id"], DESK)


def test_a_server_with_a_credential_waits_for_it(api: Api, vapi: FakeVapi, run: Import) -> None:
    held = vapi.objects["/credential"][1]
    vapi.objects["/tool"][0]["server"]["credentialId"] = held["id"]
    outcome = run("--write")
    assert "server.credentialId: credential Our server is not set here" in outcome.output
    assert api.get("/tool").json == []
    plan = {"type": "bearer", "token": "a token of ours"}
    body = {"provider": "webhook", "name": "Our server", "authenticationPlan": plan}
    ours = api.made("/credential", body)
    assert states(run("--write", "--json"))["tool", "book"] == "new"
    assert api.get(f"/tool/{TOOL}").json["server"]["credentialId"] == ours["id"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "x" * 41}, "name must be shorter than or equal to 40 characters"),
        ({"voice": {"provider": "nobody"}}, "voice.provider must be one of"),
        ({"model": {"toolIds": [OUTPUT]}}, "Couldn't Get Tool."),
    ],
)
def test_what_the_api_refuses_is_refused(
    api: Api, vapi: FakeVapi, run: Import, change: dict[str, object], told: str
) -> None:
    vapi.objects["/assistant"][0] |= change
    outcome = run("--write")
    assert outcome.exit_code == 1
    assert f"  refused  {told}" in outcome.output
    assert api.get("/assistant").json == []
    assert api.get(f"/tool/{TOOL}").status_code == 200


def test_pages_are_followed(api: Api, vapi: FakeVapi, run: Import) -> None:
    for number in range(130):
        id = f"bbbbbbbb-0000-4000-8000-{number:012}"
        vapi.add("/tool", id, type="endCall", function={"name": f"end{number}"})
        vapi.add("/structured-output", id, name=f"out{number}", schema={"type": "string"})
    found = states(run("--json"))
    assert sum(kind == "tool" for kind, _ in found) == 131
    assert sum(kind == "structured output" for kind, _ in found) == 131


@pytest.mark.parametrize(
    ("environ", "status", "told"),
    [
        ({"VAPI_API_KEY": ""}, None, "there is no key: set VAPI_API_KEY"),
        ({"VAPI_API_KEY": "wrong"}, None, "does not accept the key"),
        ({"VAPI_URL": "http://127.0.0.1:9"}, None, "cannot be reached"),
        ({"VAPI_URL": "ftp://x"}, None, "VAPI_URL must be an http or https address"),
        ({}, 429, "asks to wait"),
        ({}, 500, "answers /file with status 500"),
        ({}, 200, "answers something that is not Vapi's"),
    ],
)
def test_a_source_that_cannot_be_read_is_a_sentence(
    vapi: FakeVapi,
    run: Import,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    status: int | None,
    told: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    vapi.status = status
    outcome = run("--write")
    assert outcome.exit_code == 2
    assert outcome.output.startswith("Error: ")
    assert told in outcome.output
    assert len(outcome.output.splitlines()) == 1


BODIES = st.fixed_dictionaries(
    {"name": st.text("ab", max_size=3)},
    optional={
        "firstMessage": st.text(max_size=5).filter(str.isprintable),
        "metadata": st.dictionaries(st.text("ab", max_size=2), st.none() | st.integers()),
        "serverUrl": st.just("https://client.example/a"),
        "server": st.fixed_dictionaries({"url": st.just("https://client.example/b")}),
        "endCallPhrases": st.lists(st.text("xy", min_size=1, max_size=3), max_size=2),
        "voicemailMessage": st.none(),
    },
)


@given(st.lists(BODIES, max_size=3))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_second_run_changes_nothing(
    api: Api, vapi: FakeVapi, run: Import, bodies: list[dict[str, object]]
) -> None:
    vapi.objects["/assistant"].clear()
    for number, body in enumerate(bodies):
        vapi.add("/assistant", f"cccccccc-0000-4000-8000-{number:012}", **body)
    run("--write", "--overwrite")
    before = content(api)
    told = states(run("--write", "--json"))
    assert {"new", "updated", "changed on both sides"}.isdisjoint(told.values())
    assert content(api) == before
