"""The transfers of a call: where to, what came of each, and what was said with the operator. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.assistant.fields import object_of, objects_of, text_of
from app.domain.dashboard import transcript
from app.domain.dashboard.places import place
from app.domain.dashboard.transcript import Line
from providers.common.json_types import JsonObject

OPERATOR = "Operator"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One entry of ``artifact.transfers``. Texts are empty where there is nothing to show."""

    to: str
    mode: str
    status: str
    lines: list[Line]
    """What a transfer assistant and the operator said."""


def transfers(kept: list[JsonObject]) -> list[Transfer]:
    """From a Call's ``transfers``."""
    return [
        Transfer(
            to=place(object_of(each, "destination")),
            mode=text_of(each, "mode"),
            status=text_of(each, "status"),
            lines=transcript.lines(objects_of(each, "messages"), caller=OPERATOR),
        )
        for each in kept
    ]
