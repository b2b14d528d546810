"""The faults that a turn of a scenario may name. Pure data.

A fault that cannot wholly be done is not in the table: a file which names it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Needs(StrEnum):
    """What a fault is done to."""

    SOCKET = "media socket"
    PROCESS = "bridge"
    MODEL = "model"
    TRANSCRIBER = "transcriber"
    VOICE = "voice"


class FaultKind(NamedTuple):
    """One fault."""

    needs: Needs
    does: str
    """What happens, for the timeline of the call."""


SLOW, FAILING, SILENT = "slow", "failing", "silent"
KINDS: Mapping[str, str] = {
    SLOW: "answers late",
    FAILING: "answers with errors",
    SILENT: "answers nothing",
}
PARTS = (Needs.MODEL, Needs.TRANSCRIBER, Needs.VOICE)

FAULTS: Mapping[str, FaultKind] = {
    "socket_cut": FaultKind(Needs.SOCKET, "loses the media socket"),
    "kill_9": FaultKind(Needs.PROCESS, "sees the bridge's worker killed by kill -9"),
    "deploy": FaultKind(Needs.PROCESS, "sees the bridge deployed anew, by HUP"),
    **{
        f"{part}_{kind}": FaultKind(part, f"meets a {part} that {does}")
        for part in PARTS
        for kind, does in KINDS.items()
    },
}
