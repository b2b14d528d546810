"""Each ended reason has a sentence, and what went wrong has an advice."""

from __future__ import annotations

import pytest

from app.domain.reporting.ended_texts import FORMS, told
from providers.events import EndedReason


@pytest.mark.parametrize("reason", EndedReason)
def test_every_reason_has_a_sentence(reason: EndedReason) -> None:
    text = told(reason)
    assert text is not None
    assert text.sentence.endswith(".")
    assert "It ended as" not in text.sentence
    assert text.advice or text.kind == "good"


def test_every_form_is_of_some_reason() -> None:
    for form, text in FORMS:
        assert any(told(reason) is text for reason in EndedReason if reason.endswith(form)), form


def test_no_reason_and_one_of_a_later_version() -> None:
    assert told(None) is told("") is None
    later = told("call.start.error-of-tomorrow")
    assert later
    assert "error-of-tomorrow" in later.sentence
