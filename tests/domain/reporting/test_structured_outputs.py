"""Structured outputs of a call: by the model or a pattern, under conditions, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app import default_org
from app.domain.reporting import analysis, matching
from app.domain.resources.assistants import ResourceService
from tests.domain.assistant.test_analysis_plan import OFF
from tests.domain.reporting.test_analysis import LOCAL, Talked
from tests.domain.use_cases import Domain
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.vendors.chat import QUOTA, Chat
from tests.fakes.vendors.served import Fault
from tests.fakes.vendors.threaded import threaded

pytestmark = pytest.mark.any_store  # the subject: a model's answers

WHO = {
    "name": "Who",
    "schema": {"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]},
}
GREETED = {"name": "Greeted", "type": "regex", "regex": "/hi/i", "schema": {"type": "boolean"}}


@pytest.fixture(scope="module")
def served() -> Iterator[Chat]:
    with threaded(Chat('```json\n{"who": "Ann"}\n```')) as running:
        yield running


def stored(both: tuple[Domain, RestApi], **body: Any) -> str:
    outputs = ResourceService(both[0].context).structured_outputs
    return str(outputs.create(default_org.ORG_ID, {**WHO, **body})["id"])


def talked(both: tuple[Domain, RestApi], *own: Any, ids: Any = (), **more: Any) -> Talked:
    plan = {"structuredOutputIds": [*ids], "structuredOutputs": [*own]}
    return Talked(both, analysisPlan=OFF, artifactPlan=plan, **more)


def finished(one: Talked) -> dict[str, Any]:
    """The artifact of the report, which is the Call's."""
    one.end()
    assert one.run() is None
    (report,) = one.reports()
    artifact: dict[str, Any] = report["artifact"]
    assert one.shown()["artifact"]["structuredOutputs"] == artifact["structuredOutputs"]
    return artifact


def test_a_stored_one_and_an_own_one_are_in_the_report(
    both: tuple[Domain, RestApi], chat: Chat
) -> None:
    id = stored(both, description="Who called.")
    artifact = finished(talked(both, GREETED, ids=[id]))
    results = artifact["structuredOutputs"]
    assert results.pop(id) == {"name": "Who", "result": {"who": "Ann"}}
    assert [*results.values()] == [{"name": "Greeted", "result": True}]
    assert artifact["structuredOutputsLastUpdatedAt"]
    (asked,) = chat.asked
    system, user = (each["content"] for each in asked.body["messages"])
    assert "Who called." in system
    assert '"required": ["who"]' in system
    assert "User: Hi." in user


def test_one_is_linked_by_its_assistant(both: tuple[Domain, RestApi]) -> None:
    resources = ResourceService(both[0].context)
    saved = resources.assistants.create(default_org.ORG_ID, {**LOCAL, "analysisPlan": OFF})
    id = stored(both, assistantIds=[saved["id"]])
    one = Talked(both, call={"assistant": None, "assistantId": saved["id"]})
    assert finished(one)["structuredOutputs"] == {id: {"name": "Who", "result": {"who": "Ann"}}}


def test_its_own_messages_and_model_are_used(both: tuple[Domain, RestApi], chat: Chat) -> None:
    own = [{"role": "user", "content": "{{structuredOutput.name}} in {{ transcript }} {{other}}"}]
    model = {"provider": "openai", "model": "gpt-4.1", "messages": own}
    finished(talked(both, {**WHO, "model": model}, model={"provider": "embedded"}))
    (asked,) = chat.asked
    assert asked.body["model"] == "gpt-4.1"
    assert asked.body["messages"][0]["content"] == "Who in AI: Hello.\nUser: Hi.\n "


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "minMessages", "count": 3},
        {"type": "minCallDuration", "seconds": 10},
        {"type": "endedReason", "operator": "oneOf", "values": ["voicemail"]},
        {"type": "endedReason", "operator": "notOneOf", "values": ["manually-canceled"]},
    ],
)
def test_a_condition_that_fails_skips_it(
    both: tuple[Domain, RestApi], chat: Chat, condition: dict[str, Any]
) -> None:
    id = stored(both, conditions=[{"type": "minMessages", "count": 0}, condition])
    artifact = finished(talked(both, GREETED, ids=[id]))
    assert artifact["skippedStructuredOutputs"] == {
        id: {"name": "Who", "unmetCondition": condition}
    }
    assert (len(artifact["structuredOutputs"]), chat.asked) == (1, [])


def test_what_fails_is_told_there_and_the_report_goes(
    both: tuple[Domain, RestApi], chat: Chat
) -> None:
    chat.faults.append(Fault(429, QUOTA))
    id, gone = stored(both), default_org.ORG_ID
    results = finished(talked(both, ids=[id, gone]))["structuredOutputs"]
    assert results[gone]["error"] == "this structured output does not exist"
    assert results[id]["result"] is None
    assert "429" in results[id]["error"]


def test_an_answer_of_another_form_is_no_result(both: tuple[Domain, RestApi]) -> None:
    other = {**WHO, "schema": {"type": "array"}}
    (entry,) = finished(talked(both, other))["structuredOutputs"].values()
    assert (entry["result"], "array" in entry["error"]) == (None, True)


def test_a_failure_that_may_pass_is_asked_again(both: tuple[Domain, RestApi], chat: Chat) -> None:
    one = talked(both, WHO, GREETED)
    one.end()
    chat.faults.append(Fault(503))
    assert one.run() == analysis.WAITS[0]
    assert one.reports() == []
    assert one.run() is None
    results = one.shown()["artifact"]["structuredOutputs"]
    assert sorted(str(each["result"]) for each in results.values()) == ["True", "{'who': 'Ann'}"]


def test_a_pattern_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "SECONDS", 0.5)
    with pytest.raises(matching.NoMatch, match="took longer"):
        matching.find("(a+)+$", "a" * 60 + "!", "boolean")


def test_a_schema_fetches_nothing() -> None:
    with pytest.raises(matching.NoMatch, match="Unresolvable"):
        matching.check({"$ref": "http://127.0.0.1:9/x"}, 1)


@pytest.mark.parametrize(
    ("pattern", "kind", "value"),
    [
        (r"\d+", "integer", 12),
        (r"\d+", "array", ["12", "7"]),
        (r"is (\w+)", "string", "12"),
        ("/NONE/i", "string", None),
        ("/IS/i", "boolean", True),
        ("IS", "boolean", False),
    ],
)
def test_a_match_has_the_schemas_type(pattern: str, kind: str, value: Any) -> None:
    assert matching.find(pattern, "It is 12 or 7", kind) == value
