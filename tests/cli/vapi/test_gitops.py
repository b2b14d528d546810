"""``patchbay import vapi FOLDER``: what Vapi's gitops pulled, with names in place of ids."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.cli.vapi import gitops
from app.cli.vapi.source import SourceError
from tests.cli.vapi.conftest import Import, states
from tests.cli.vapi.organisation import DESK, OUTPUT, TOOL
from tests.routes.api import Api

SAMPLE = Path(__file__).parent / "gitops"
STATE = ".vapi-state.shop.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "gitops"))


def test_names_become_ids_and_a_second_run_changes_nothing(api: Api, run: Import) -> None:
    told = states(run(str(SAMPLE), "--write", "--json"))
    assert told == {
        ("credential", "our-server (of a state file)"): "to be set here",
        ("credential", "openai (of a state file)"): "to be set here",
        ("tool", "book"): "new",
        ("tool", "hang-up"): "new",
        ("structured output", "Outcome"): "new",
        ("assistant", "Front desk"): "new",
        ("squad", "Both"): "new",
    }
    desk = api.get(f"/assistant/{DESK}").json
    (hang_up,) = (each["id"] for each in api.get("/tool").json if each["type"] == "endCall")
    assert desk["model"]["toolIds"] == [TOOL, hang_up]
    assert desk["model"]["messages"] == [
        {"role": "system", "content": "You are the front desk.\n\n---\nBe brief."},
        {"role": "user", "content": "Be quick."},
    ]
    assert desk["hooks"][0] == {"on": "call.ending", "do": [{"type": "tool", "toolId": TOOL}]}
    assert desk["artifactPlan"]["structuredOutputIds"] == [OUTPUT]
    assert api.get(f"/structured-output/{OUTPUT}").json["assistantIds"] == [DESK]
    (both,) = api.get("/squad").json
    assert both["members"] == [{"assistantId": DESK}]
    day = api.get(f"/tool/{TOOL}").json["function"]["parameters"]["properties"]["day"]
    assert day["enum"] == ["yes", "no", "2026-01-01"]
    again = states(run(str(SAMPLE), "--write", "--json"))
    assert "new" not in again.values()
    assert "updated" not in again.values()


def test_what_was_not_read_is_a_note(run: Import) -> None:
    told = run(str(SAMPLE / "resources" / "shop")).output
    assert "made.ts is a program and not read: import with VAPI_API_KEY instead" in told
    assert "note: simulations are not served here" in told


def test_without_a_state_file_objects_get_ids_of_their_own(
    api: Api, run: Import, folder: Path
) -> None:
    (folder / STATE).unlink()
    assert "is not there: the objects get ids of their own" in run(str(folder), "--write").output
    (desk,) = api.get("/assistant").json
    assert {each["id"] for each in api.get("/tool").json} == {*desk["model"]["toolIds"]}
    assert states(run(str(folder), "--write", "--json"))["assistant", "Front desk"] == "unchanged"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("tools/x.yml", "a: [", "cannot be read as YAML: line "),
        ("tools/x.yml", "- a", "is not a YAML object"),
        ("tools/x.yml", "", "is not a YAML object"),
        ("tools/x.yml", "a: !!python/name:os.system", "cannot be read as YAML: line 1"),
        ("tools/x.yml", "a: 1\n---\nb: 2", "cannot be read as YAML"),
        ("tools/x.yml", "1: a", "the key 1 is not a text"),
        ("tools/x.yml", "a: .nan", "a number that JSON does not have"),
        ("tools/x.yml", "a: &x [1]\nb: [" + "*x, " * 101 + "]", "more than 100 aliases"),
        ("assistants/x.md", "no front matter", "has no front matter"),
        (f"../../{STATE}", "{", "cannot be read as JSON"),
        (f"../../{STATE}", "[]", "is not a state file"),
    ],
)
def test_a_foreign_file_is_a_sentence(folder: Path, file: str, text: str, told: str) -> None:
    (folder / "resources/shop" / file).write_text(text)
    with pytest.raises(SourceError) as refusal:
        gitops.read(str(folder), None)
    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_foreign_folder_is_a_sentence(run: Import, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, told in (
        ("empty", "is not a folder of Vapi's gitops"),
        ("nowhere", "is not a folder"),
    ):
        outcome = run(str(tmp_path / path))
        assert (outcome.exit_code, told in outcome.output) == (2, True)
    (folder / "resources/shop/tools/x.yml").write_text("a: [")
    outcome = run(str(folder), "--write")
    assert (outcome.exit_code, len(outcome.output.splitlines())) == (2, 1)
    (folder / "resources/shop/tools/x.yml").unlink()
    (folder / "resources/other/tools").mkdir(parents=True)
    assert "choose --env other, shop" in run(str(folder)).output
    assert "has no environment third" in run(str(folder), "--env", "third").output
    assert "assistant Front desk" in run(str(folder), "--env", "shop").output
