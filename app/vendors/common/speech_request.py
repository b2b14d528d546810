"""The requests of voices with one HTTP request per sentence. Pure, no I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from app.vendors.common.speech_answer import Reader
from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, answered with 16-bit mono PCM of ``sample_rate`` Hz."""

    url: str
    body: bytes
    sample_rate: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    reader: Callable[[], Reader] | None = None
    """Finds the PCM in the answer; None: the answer is nothing else."""


def json_request(
    url: str,
    body: JsonObject,
    sample_rate: int,
    headers: Mapping[str, str],
    reader: Callable[[], Reader] | None = None,
) -> Request:
    """A request whose body is JSON."""
    headers = {"Content-Type": "application/json", **headers}
    return Request(url, json.dumps(body).encode(), sample_rate, headers, reader)


def rate_of(rates: Collection[int], wanted: int) -> int:
    """The call's rate, if a vendor has it; else its highest, which is converted."""
    return wanted if wanted in rates else max(rates)


# A sentence in, its request out.
Ask = Callable[[str], Request]
