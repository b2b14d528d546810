"""Which of a client's expressions are accepted: none at which a call would stand still."""

from __future__ import annotations

import pytest

from app.domain.assistant.patterns import compiled, matches


@pytest.mark.parametrize(
    "text",
    [
        r"\d{3}[\s.-]?\d{3}[\s.-]?\d{4}",
        r"(\+?\d{1,2})?[\s.-]?\(?\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{4}",
        r"(?:\d[\s-]*){10}",
        r"(?:(?:zero|one|two|three|four|five|six|seven|eight|nine)[\s,]*){7,15}",
        r".*(phone|number).*",
        r".*\d{2,4}.*",
        r"\b(?:\d{1,3} ?){2,5}\b",
        r"[\w.+-]+@[\w-]+\.[\w.]+",
        r"^(\w+\s){0,3}$",
        r"(?:\w+ ){1,3}number",
        r"what('s| is) your (name|number|email)",
        r"card.*(\d{4}[ -]?){4}",
        r"[äöü]+\s*x",
        r"(?P<x>a)?(?(x)b|c)",
        r"(?<=a)b(?!c)",
        r"(\d)\1",
        r"(?i)\$?\d{1,3}(,\d{3})*(\.\d{2})?",
        r"(?>a+)b++",
    ],
)
def test_accepted(text: str) -> None:
    assert not matches(compiled({"regex": text}), "~" * 300)


@pytest.mark.parametrize(
    "text",
    [
        "(a?){20}b",  # each repeat is short, and all of them are a million ways
        "a?" * 60 + "b",
        "(?:a{0,20}){20}b",
        "a{0,20}" * 6 + "b",
        "(a{1,2}){20}b",
        "(?:a*a){20}b",
        "(?:a|a?){20}b",
        "((a|a?){20}){20}b",
        "(?:ab?|a){20}c",
        "(a|b|ab)" * 20 + "c",
        r"(?:\w\w?){20}b",
        r"(?:a.?){20}b",
        r"(?:a|[^b]){20}c",
        "(?:é|è|é.){20}b",
        "(?=(a?){20}b)",
        "(a?)*b",
        "(?:.{0,20}){1,5}b",
        r".*\d{0,15}.*x",
        r"(\d{1,4}[ ,.-]?){1,8}$",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="may take too long"):
        compiled({"regex": text})
