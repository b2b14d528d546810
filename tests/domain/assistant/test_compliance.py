"""What is forgotten of a call of which nothing that was said may be kept."""

from __future__ import annotations

from app.domain.assistant.compliance import without_words


def test_words_with_an_operator_are_forgotten_and_the_outcome_is_not() -> None:
    place = {"type": "number", "number": "+14155550188"}
    talked = {"destination": place, "status": "cancelled", "messages": [{}], "transcript": "AI: Hi"}
    left = without_words({"transfers": [talked], "transcript": "AI: Hello"}, frozenset())
    assert left == {"transfers": [{"destination": place, "status": "cancelled"}]}
