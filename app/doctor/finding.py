"""One line of ``patchbay doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from providers.errors import CarrierError

MARK = {"ok": "ok     ", "note": "note   ", "error": "ERROR  "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. ``level``: ok, note (works, but know it) or error (change it)."""

    level: str
    text: str

    def __str__(self) -> str:
        return MARK[self.level] + self.text


def level_of(error: CarrierError) -> str:
    """A carrier that refuses is an error. One that is not reached is none: calls need no API."""
    return "error" if error.permanent else "note"
