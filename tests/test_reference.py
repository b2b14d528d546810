"""The pages that are written from the code are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.write import pages, sentences
from providers.events import CallStatus, EndedReason, EventKind

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", pages())
def test_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run `make docs`"


@pytest.mark.parametrize("enumeration", [CallStatus, EndedReason, EventKind])
def test_every_value_has_its_sentence(
    enumeration: type[CallStatus | EndedReason | EventKind],
) -> None:
    assert list(sentences(enumeration)) == [member.value for member in enumeration]
