"""What a model is asked about a call, in all forms that Vapi's plan has had."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.analysis_plan import Question, answer, parse

CALL = {
    "messages": [
        {"role": "system", "message": "You take bookings."},
        {"role": "bot", "message": "Hello."},
        {"role": "user", "message": "Hi {{endedReason}}."},
    ],
    "transcript": "AI: Hello.\nUser: Hi {{endedReason}}.\n",
    "endedReason": "customer-ended-call",
}
OFF = {"summaryPlan": {"enabled": False}, "successEvaluationPlan": {"enabled": False}}
SCHEMA = {"type": "object", "properties": {"people": {"type": "number"}}}


def questions(assistant: dict[str, Any], call: dict[str, Any]) -> list[Question]:
    return parse(assistant).questions_about(call)


@pytest.mark.parametrize(
    ("assistant", "names"),
    [
        ({}, ["summary", "successEvaluation"]),  # Vapi's defaults
        ({"analysisPlan": OFF}, []),
        ({"summaryPrompt": "off"}, ["successEvaluation"]),  # the older page's
        ({"analysisPlan": {"summaryPrompt": ""}}, ["successEvaluation"]),  # and the one between
        ({"analysisPlan": {**OFF, "structuredDataPlan": {"schema": SCHEMA}}}, []),  # not enabled
        (
            {"analysisPlan": {**OFF, "structuredDataPlan": {"enabled": True, "schema": SCHEMA}}},
            ["structuredData"],
        ),
        ({"analysisPlan": {**OFF, "structuredDataSchema": SCHEMA}}, ["structuredData"]),
        ({"analysisPlan": {"minMessagesThreshold": 3}}, []),  # two were spoken
        ({"analysisPlan": "nonsense"}, ["summary", "successEvaluation"]),
    ],
)
def test_what_is_asked(assistant: dict[str, Any], names: list[str]) -> None:
    assert [each.name for each in questions(assistant, CALL)] == names


def test_nothing_is_asked_of_a_call_without_a_conversation() -> None:
    assert questions({}, {"messages": CALL["messages"][:2]}) == []
    assert questions({}, {}) == []


def test_who_wants_nothing_keeps_no_report_waiting() -> None:
    assert parse({}).questions
    assert not parse({"analysisPlan": OFF}).questions


def test_the_default_words_hold_the_call() -> None:
    summary, success = questions({}, CALL)
    assert "2-3 sentences" in summary.messages[0]["content"]
    assert "User: Hi {{endedReason}}.\n" in summary.messages[1]["content"]  # no template
    assert "customer-ended-call" in summary.messages[1]["content"]
    assert "'true' if the call passed" in success.messages[0]["content"]
    assert "You take bookings." in success.messages[2]["content"]
    assert (summary.seconds, success.seconds) == (5.0, 5.0)


def test_own_words_schema_rubric_and_time() -> None:
    plan = {
        "summaryPlan": {
            "messages": [{"role": "user", "content": "Sum up: {{transcript}}"}],
            "timeoutSeconds": 9,
        },
        "structuredDataPlan": {"enabled": True, "schema": SCHEMA},
        "successEvaluationPlan": {"rubric": "NumericScale", "timeoutSeconds": 1000},
    }
    summary, data, success = questions({"analysisPlan": plan}, CALL)
    assert summary.messages == [{"role": "user", "content": f"Sum up: {CALL['transcript']}"}]
    assert summary.seconds == 9
    assert '"people"' in data.messages[0]["content"]
    assert "scale of 1 to 10" in success.messages[0]["content"]
    assert success.seconds == 60  # a report does not wait for ever


def test_the_older_prompts_stand_in_the_place_of_the_words() -> None:
    plan = {"successEvaluationPrompt": "Did they book?", "summaryRequestTimeoutSeconds": 8}
    summary, success = questions({"summaryPrompt": "In German.", "analysisPlan": plan}, CALL)
    assert (summary.messages[0]["content"], summary.seconds) == ("In German.", 8)
    assert success.messages[0]["content"].startswith("Did they book?")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("summary", "  Booked. ", "Booked."),
        ("summary", " ", None),
        ("structuredData", '```json\n{"people": 2}\n```', {"people": 2}),  # as models like to
        ("structuredData", "two people", None),
        ("successEvaluation", "true", "true"),
    ],
)
def test_answers(name: str, text: str, value: Any) -> None:
    assert answer(name, text) == value
