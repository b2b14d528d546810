"""/squad: kept as sent, secrets sealed; and the calls and numbers that name squads."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.store.resources import get as get_row
from app.store.schema import squads
from tests.routes.api import TWILIO_NUMBER, UNKNOWN, Api, refused

SECRET = "c4n4ry-of-a-squad"
OWN = {"id", "orgId", "createdAt", "updatedAt"}
BOB: dict[str, Any] = {"name": "Bob", "firstMessage": "Bob."}
PLACE: dict[str, Any] = {
    "type": "assistant",
    "assistantName": "Bob",
    "message": "",
    "description": "books tables",
    "transferMode": "delete-history",
}


def squad(**fields: Any) -> dict[str, Any]:
    ann = {"assistant": {"name": "Ann"}, "assistantDestinations": [PLACE]}
    return {"name": "Two", "members": [ann, {"assistant": BOB}], **fields}


def test_every_field_comes_back(api: Api) -> None:
    made = api.made("/squad", squad(more=1))
    assert {k: v for k, v in made.items() if k not in OWN} == squad(more=1)
    assert api.get(f"/squad/{made['id']}").json == made
    listed: Any = api.get("/squad").json
    assert [each["id"] for each in listed] == [made["id"]]
    # as a client that sends back what it read
    changed: Any = api.patch(f"/squad/{made['id']}", {**made, "name": "Both", "more": None}).json
    assert {k: v for k, v in changed.items() if k not in OWN} == squad(name="Both")
    assert api.delete(f"/squad/{made['id']}").json == changed
    text = f"Couldn't Find Squad. `{made['id']}` Does Not Exist."
    assert refused(api.get(f"/squad/{made['id']}"), 404) == text


def test_secrets_are_sealed_and_stay_with_their_member(app: Flask, api: Api) -> None:
    keys = [{"provider": "openai", "apiKey": SECRET}]
    given = squad(membersOverrides={"server": {"url": "https://s.example", "secret": SECRET}})
    given["members"][1] = {"assistant": {**BOB, "credentials": keys}}
    made = api.made("/squad", given)
    path = f"/squad/{made['id']}"
    assert SECRET not in api.get(path).text
    api.patch(path, {"members": [*reversed(made["members"])]})  # a client has moved them
    services = app.extensions["patchbay"]
    with services.store.read() as conn:
        row = get_row(conn, squads, api.org_id, made["id"])
    assert row is not None
    assert SECRET not in str(row["body"])
    assert services.vault.open(row["secret"]) == {
        "members": {"#0": {"assistant": {"credentials": keys}}},
        "membersOverrides": {"server": {"secret": SECRET}},
    }
    call = api.call(assistant=None, squadId=made["id"])
    assert SECRET not in api.get(f"/call/{call['id']}").text


TWO = [{"assistant": {}}, {"assistant": {}, "assistantId": UNKNOWN}]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "members should not be empty"),
    ({"members": []}, "members"),
    ({"members": TWO}, "Use either `assistantId` or `assistant` for each member."),
    ({"members": [{}]}, "Use either `assistantId` or `assistant` for each member."),
    (
        {"members": [{"assistantId": UNKNOWN}]},
        f"Couldn't Get Assistant. `members.0.assistantId` {UNKNOWN} Does Not Exist.",
    ),
    (
        {"members": [{"assistant": {"server": {"url": "ftp://a.example"}}}]},
        "members.0.assistant.server.url",
    ),
    (
        {"members": [{"assistant": {"model": {"toolIds": [UNKNOWN]}}}]},
        f"Couldn't Get Tool. `members.0.assistant.model.toolIds` {UNKNOWN} Does Not Exist.",
    ),
    (squad(membersOverrides={"model": {"toolIds": [UNKNOWN]}}), "membersOverrides.model.toolIds"),
    (
        {"members": [{"assistant": {"voice": {"provider": "nobody", "voiceId": "x"}}}]},
        "members.0.assistant.voice.provider",
    ),
    (
        {"members": [{"assistant": {}, "assistantDestinations": [{"type": "assistant"}]}]},
        "assistantName should not be empty",
    ),
    (
        {
            "members": [
                {"assistant": {}, "assistantDestinations": [{**PLACE, "transferMode": "odd"}]}
            ]
        },
        "transferMode must be one of the following values",
    ),
]


@pytest.mark.parametrize(("body", "words"), WRONG)
def test_a_squad_that_cannot_work_is_refused(api: Api, body: dict[str, Any], words: str) -> None:
    assert words in str(refused(api.post("/squad", body)))
    if "members" in body:
        number = api.made("/phone-number", TWILIO_NUMBER)
        call = {"phoneNumberId": number["id"], "phoneCallProviderBypassEnabled": True}
        assert refused(api.post("/call", {**call, "squad": body}))
    assert api.get("/squad").json == api.get("/call").json == []


def test_a_destination_that_nobody_has_is_told(api: Api) -> None:
    tool = {"type": "handoff", "destinations": [{"type": "assistant", "assistantId": UNKNOWN}]}
    given = squad()
    given["members"][0]["assistantDestinations"] = [{**PLACE, "assistantName": "Rob"}]
    given["members"][1]["assistant"] = {**BOB, "model": {"provider": "openai", "tools": [tool]}}
    told = " ".join(api.post("/squad", given).headers.getlist("Warning"))
    assert "members.0.assistantDestinations.0.assistantName: no member of the squad" in told
    assert "is 'Bob' meant?" in told
    assert f"destinations.0.assistantId: {UNKNOWN} does not exist" in told
    assert "Warning" not in api.post("/squad", squad()).headers
    assistant = {"model": {"provider": "openai", "tools": [tool]}}
    assert UNKNOWN in str(api.post("/assistant", assistant).headers.getlist("Warning"))


def test_a_call_of_a_squad(api: Api) -> None:
    """The Call has the squad's id and the request's fields; lists find it by the squad."""
    made, other = api.made("/squad", squad()), api.made("/squad", squad())
    over = {"variableValues": {"day": "Monday"}}
    call = api.call(assistant=None, squadId=made["id"], squadOverrides=over)
    assert (call["squadId"], call["squadOverrides"]) == (made["id"], over)
    assert {"assistantId", "assistant", "squad"} & call.keys() == set()
    own = api.call(assistant=None, squad=squad(), assistantOverrides=over)
    assert (own["squad"], own["assistantOverrides"]) == (squad(), over)
    for wanted, ids in ((made["id"], [call["id"]]), (other["id"], [])):
        listed: Any = api.get("/call", squadId=wanted).json
        paged: Any = api.get("/v2/call", squadId=wanted).json
        assert [each["id"] for each in listed] == ids
        assert [each["id"] for each in paged["results"]] == ids
    text = f"Couldn't Get Squad. `squadId` {UNKNOWN} Does Not Exist."
    number = call["phoneNumberId"]
    assert refused(api.post("/call", {"phoneNumberId": number, "squadId": UNKNOWN})) == text
    both = {"phoneNumberId": number, "squadId": made["id"], "assistantId": UNKNOWN}
    assert "Use either `assistantId` or `squadId`" in str(refused(api.post("/call", both)))
    web = api.made("/call/web", {"squadId": made["id"]})
    assert web["squadId"] == made["id"]


def test_another_organisations_squad_is_unknown(api: Api, other: Api) -> None:
    made = api.made("/squad", squad())
    assert refused(other.get(f"/squad/{made['id']}"), 404)
    assert other.get("/squad").json == []
    number = {**TWILIO_NUMBER, "squadId": made["id"]}
    assert made["id"] in str(refused(other.post("/phone-number", number)))


def test_a_number_has_a_squad_or_an_assistant(api: Api) -> None:
    made, ann = api.made("/squad", squad()), api.made("/assistant", {"name": "Ann"})
    number = api.made("/phone-number", {**TWILIO_NUMBER, "squadId": made["id"]})
    assert number["squadId"] == made["id"]
    call = api.call(assistant=None, phoneNumberId=number["id"])
    assert call["squadId"] == made["id"]
    path = f"/phone-number/{number['id']}"
    assert "not both" in str(refused(api.patch(path, {"assistantId": ann["id"]})))
    changed: Any = api.patch(path, {"assistantId": ann["id"], "squadId": None}).json
    assert "squadId" not in changed
    assert api.call(assistant=None, phoneNumberId=number["id"])["assistantId"] == ann["id"]
