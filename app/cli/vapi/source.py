"""What a source of an import holds, whether it is Vapi's API or a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from providers.common.json_types import JsonDict

LONGEST_ID = 255
"""Characters of a source's id that are stored."""


class SourceError(Exception):
    """Nothing can be imported, and the sentence says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object as the source has it."""

    kind: str
    """The name of a row of ``kinds.py``."""
    source_id: str
    """Vapi's id, or the file's name where there is none."""
    name: str
    """For a person."""
    body: JsonDict = field(repr=False)
    alias: str = ""
    """Another name by which other objects refer to it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An account at Vapi, without its secret. ``provider``: empty where it is not known."""

    source_id: str
    name: str
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """All that was read."""

    objects: Sequence[Found]
    credentials: Sequence[Credential] = ()
    notes: Sequence[str] = ()
    """What was not read, a sentence each."""
    content: Callable[[Found], bytes] | None = None
    """Fetches the content of a file. Raises ``SourceError``."""
    kinds: frozenset[str] = frozenset()
    """The kinds that were read whole: an object that is missing is gone."""


def name_of(body: JsonDict, fallback: str) -> str:
    """What a person calls the object: tools have their name in ``function``."""
    function = body.get("function")
    inner = function.get("name") if isinstance(function, dict) else None
    given = body.get("name") or inner or body.get("number")
    return given if isinstance(given, str) else fallback
