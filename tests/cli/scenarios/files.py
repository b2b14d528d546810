"""Scenarios and calls for the tests of ``patchbay test``."""

from __future__ import annotations

import struct
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.cli.scenarios.caller import Spoken
from app.cli.scenarios.loading import Loaded, load
from app.cli.scenarios.play import Played
from app.cli.scenarios.script import Message, Script
from providers.common.audio import SAMPLE_WIDTH
from providers.simulation.script import TakenTurn, Tape, Turn

RATE = 8000
START = 1_700_000_000.0
"""When the calls here begin, seconds since 1970."""

TALK = """
name: talk
scenarios:
  - name: one
    carrier: twilio
    assistant: {firstMessage: Hello.}
    turns:
      - expect: [response]
      - user: A table, please.
        replies: One table.
        expect:
"""


def written(folder: Path, text: str, name: str = "talk.yaml") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def scenario(folder: Path, expect: str = "          - response\n", rest: str = "") -> Loaded:
    """The talk, with these expectations of its second turn, and these further lines."""
    (found,) = load([str(written(folder, TALK + expect + rest))])
    return found


def tone(seconds: float) -> bytes:
    count = int(seconds * RATE)
    return struct.pack(f"<{count}h", *(9000 if n // 10 % 2 else -9000 for n in range(count)))


def silence(seconds: float) -> bytes:
    return bytes(int(seconds * RATE) * SAMPLE_WIDTH)


def side(*parts: tuple[float, float]) -> bytes:
    """Sound in these spans, in seconds, and silence before each of them."""
    pcm = b""
    for begin, end in parts:
        pcm += silence(begin - len(pcm) / SAMPLE_WIDTH / RATE) + tone(end - begin)
    return pcm


def said(role: str, text: str, second: float, **more: Any) -> dict[str, Any]:
    time = (START + second) * 1000
    return {"role": role, "message": text, "time": time, "endTime": time + 500, **more}


def tool_call(name: str, arguments: dict[str, Any], second: float) -> Message:
    call = {"id": f"{name}-{second}", "function": {"name": name, "arguments": arguments}}
    return Message(START + second, {"type": "tool-calls", "toolCallList": [call]})


def call_of(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    lines = [f"{each['role']}: {each['message']}" for each in messages]
    return {
        "id": "7a9d3c52-61f0-4f0e-9a55-3f1f6f5a1b11",
        "status": "ended",
        "endedReason": "customer-ended-call",
        "messages": list(messages),
        "transcript": "\n".join(lines),
        "cost": 0.02,
        **fields,
    }


GREETED = said("bot", "Hello.", 0.2)
ASKED = said("user", "A table, please.", 2.0)
ANSWERED = said("bot", "One table.", 3.9)


def played(
    loaded: Loaded,
    *messages: dict[str, Any],
    server: Sequence[Message] = (),
    heard: Sequence[tuple[float, float]] = ((0.2, 1.0), (3.8, 5.0)),
    change: Callable[[Played], None] = lambda each: None,
    **fields: Any,
) -> Played:
    """The talk as it was played: the caller speaks from 2 to 3, and is answered at 3.8."""
    script = Script(loaded.scenario, {1: Spoken(b"")}, messages=list(server))
    said_pcm, heard_pcm = side((2.0, 3.0)), side(*heard)
    length = max(len(said_pcm), len(heard_pcm))
    tape = Tape(RATE)
    tape.add(said_pcm.ljust(length, b"\0"), heard_pcm.ljust(length, b"\0"))
    taken = [TakenTurn(Turn(words="A table, please.", number=1), START + 2, 2.0, 3.0)]
    call = call_of(*(messages or (GREETED, ASKED, ANSWERED)), **fields)
    found = Played(script, taken, tape, call, seconds=5.0)
    change(found)
    return found
