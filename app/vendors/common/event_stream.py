"""Reads a model's streamed answer, and tells an answer from anything else. Pure.

The vendors' SDKs skip every line that is no server-sent event. So a web page, a JSON message or an
empty body looks like a model without a word to say. The caller would wait in silence.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.vendors.common.errors import MAX_ERROR_TEXT
from providers.common import foreign_json
from providers.common.json_types import JsonDict

# What begins a body that is a whole, not a stream of lines.
WHOLE = b'{["<'
# Bytes of a whole answer, and of one event that is looked at.
MAX_WHOLE = 1024 * 1024
# Bytes of the beginning that an error may quote: four for each character.
QUOTED = 4 * MAX_ERROR_TEXT
BOM = b"\xef\xbb\xbf"
DONE = b"data: [DONE]\n\n"


class NoAnswer(Exception):
    """The vendor's response has no answer; the text says what it has instead."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one kind of vendor answers."""

    is_answer: Callable[[object], bool]
    """Whether an event has words, a tool's call, or the end of an answer without any.

    Raises ``NoAnswer`` for an end that was not the model's choice.
    """
    events_of: Callable[[object], Sequence[JsonDict]]
    """The events that a whole JSON answer stands for; empty: it is no answer."""


class EventReader:
    """Passes a response's bytes on as events. Raises ``NoAnswer`` as soon as it is known."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._is_whole: bool | None = None
        self._begun = b""
        self._line = b""
        self._answered = False

    def feed(self, piece: bytes) -> bytes:
        """Take a piece of any length; return what is ready."""
        if len(self._begun) < QUOTED or self._is_whole is not False:
            self._begun += piece
        if self._is_whole is not False and len(self._begun) > MAX_WHOLE:
            raise self._no_answer("it is too long")
        if self._is_whole is None:
            start = self._begun.removeprefix(BOM).lstrip()[:1]
            if not start:
                return b""
            self._is_whole = start in WHOLE
            piece = self._begun
        if self._is_whole:
            return b""
        self._look(piece)
        return piece

    def finish(self) -> bytes:
        """Take the end of the response."""
        if self._is_whole:
            return self._as_events()
        self._look(b"\n")
        if not self._answered:
            raise self._no_answer("it ended without an answer")
        return b""

    def _look(self, piece: bytes) -> None:
        """Look at complete lines, until one of them is an answer."""
        if self._answered:
            return
        *lines, self._line = (self._line + piece).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line.removeprefix(b"data:").strip()
            self._answered = data == b"[DONE]" or self._protocol.is_answer(_parsed(data))
            if self._answered:
                return
        self._answered = len(self._line) > MAX_WHOLE  # the SDK bounds it

    def _as_events(self) -> bytes:
        found = self._protocol.events_of(_parsed(self._begun.removeprefix(BOM)))
        if not found:
            raise self._no_answer("it is no answer")
        events = [f"data: {json.dumps(each)}\n\n".encode() for each in found]
        return b"".join([*events, DONE])

    def _no_answer(self, why: str) -> NoAnswer:
        """The error, with the beginning of what came."""
        said = " ".join(self._begun[:QUOTED].decode(errors="replace").split())
        came = said[: MAX_ERROR_TEXT // 2] or "(empty)"
        return NoAnswer(f"The server's response cannot be spoken, because {why}: {came}")


def _parsed(text: bytes) -> object:
    """The JSON value; None: it is not JSON."""
    try:
        return foreign_json.parse(text.decode())
    except ValueError:
        return None
