"""What a row can find: it holds, it does not, or it cannot be asked."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Failed(Exception):
    """The server does not do what the row says. The text is shown to the reader of the table."""


class NotAsked(Exception):
    """The row cannot be asked of this server. The text says why, and which option would change it."""


class Outcome(StrEnum):
    """What became of a row."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ASKED = "not asked"


def expect(holds: object, text: str) -> None:
    """Raise ``Failed`` with the text, unless it holds."""
    if not holds:
        raise Failed(text)


def same(what: str, is_now: Any, should_be: Any) -> None:
    """Raise ``Failed``, unless both are equal."""
    expect(is_now == should_be, f"{what} is {is_now!r}, not {should_be!r}")
