"""Which sentence stands beside which field of the form."""

from __future__ import annotations

import pytest

from app.domain.assistant.field_check import Finding
from app.domain.assistant.served_fields import Fate
from app.domain.dashboard.assistants.verdicts import beside


@pytest.mark.parametrize(
    ("sentence", "field"),
    [
        ("name must be shorter than or equal to 40 characters", "name"),
        ("server.url: is not a public address", "server.url"),
        ("serverUrl must be a URL address", "server.url"),
        ("each value in endCallPhrases must be a string", "endCallPhrases"),
        ("Couldn't Get Tool. `model.toolIds` 7 Does Not Exist.", "model.toolIds"),
        ("model.tools.0.destinations.1.number is not valid", "destinations"),
        ("model.messages.0.content must be a string", "model.messages"),
        ("voice.provider must be one of the following values: a, b", "voice.provider"),
        # of fields that the form does not have
        ("hooks.0.do must have 1 to 10 actions", None),
        ("metadata must be an object", None),
        ("names are not names", None),
        ("", None),
    ],
)
def test_a_sentence_of_a_400(sentence: str, field: str | None) -> None:
    found = beside([], [sentence], {})
    assert [name for name, each in found.of.items() if each.problems] == ([field] if field else [])
    assert found.others == ([] if field else [sentence])


@pytest.mark.parametrize(
    ("findings", "field", "fate", "reasons"),
    [
        # a stage without an account is its provider's
        ([Finding("model", Fate.REFUSED, "no key")], "model.provider", Fate.REFUSED, ["no key"]),
        ([Finding("model", Fate.REFUSED, "no key")], "model.model", None, []),
        # the worst fate counts
        (
            [Finding("voice.provider", Fate.SERVED), Finding("voice", Fate.REFUSED, "no key")],
            "voice.provider", Fate.REFUSED, ["no key"],
        ),
        # a field within it is named
        (
            [Finding("model.messages.0.x", Fate.IGNORED, "no such field")],
            "model.messages", Fate.IGNORED, ["model.messages.0.x: no such field"],
        ),
        ([Finding("model.toolIdsX", Fate.IGNORED, "why")], "model.toolIds", None, []),
        ([Finding("recordingEnabled", Fate.MAPPED, "older")], "artifactPlan.recordingEnabled", Fate.MAPPED, ["older"]),
    ],
)  # fmt: skip
def test_a_finding(
    findings: list[Finding], field: str, fate: Fate | None, reasons: list[str]
) -> None:
    found = beside(findings, [], {}).of[field]
    assert (found.fate, list(found.reasons)) == (fate, reasons)


def test_an_input_that_was_not_taken_stands_first() -> None:
    found = beside([], ["name is long"], {"name": "Name: must be another"}).of["name"]
    assert list(found.problems) == ["Name: must be another", "name is long"]
