"""A transcriber that knows what the caller says: Vapi's protocol of a ``custom-transcriber``.

It hears by loudness when words begin and end, and takes their text from the scenario.
https://docs.vapi.ai/customization/custom-transcriber
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

from app.cli.scenarios.asgi import Receive, Send
from app.cli.scenarios.faults import FAILING, SILENT, Needs
from app.cli.scenarios.script import Script
from providers.common.audio import SAMPLE_WIDTH, channel, level

# Mean level of a slice with a voice; 16-bit samples.
LOUD = 200
SLICE_SECONDS = 0.02
# Silence after which words are final.
PAUSE_SECONDS = 0.2
# Voice after which the first words are known.
FIRST_SECONDS = 0.2
# Websocket's code of a server with an error of its own.
FAILED = 1011


class Recogniser:
    """Takes the caller's sound in pieces, and yields (text, whether it is final)."""

    def __init__(self, script: Script, rate: int) -> None:
        self._script = script
        self._size = int(rate * SLICE_SECONDS) * SAMPLE_WIDTH
        self._pcm = b""
        self._voice = self._quiet = 0.0

    def feed(self, pcm: bytes) -> Iterator[tuple[str, bool]]:
        self._pcm += pcm
        while len(self._pcm) >= self._size:
            piece, self._pcm = self._pcm[: self._size], self._pcm[self._size :]
            yield from self._hear(loud=level(piece) > LOUD)

    def _hear(self, *, loud: bool) -> Iterator[tuple[str, bool]]:
        if loud:
            before, self._voice = self._voice, self._voice + SLICE_SECONDS
            self._quiet = 0.0
            if before < FIRST_SECONDS <= self._voice and (word := self._first_word()):
                yield word, False
            return
        self._quiet += SLICE_SECONDS
        if self._voice and self._quiet >= PAUSE_SECONDS and (text := self._new_words()):
            self._voice = 0.0
            yield text, True

    def _first_word(self) -> str:
        """The first word of the turn that is being said."""
        words = self._script.scenario.turns[max(self._script.step, 0)].words.split()
        return words[0] if words else ""

    def _new_words(self) -> str:
        """What was said to its end, and not yet told."""
        new = {(place, number): each.words for place, number, each in self._script.said()}
        fresh = [words for key, words in new.items() if key not in self._script.told]
        self._script.told |= new.keys()
        return " ".join(fresh)


async def serve(script: Script, receive: Receive, send: Send) -> None:
    """One socket, from its handshake to its end."""
    fault = script.fault(Needs.TRANSCRIBER)
    if fault is not None and fault[0] == FAILING:
        await send({"type": "websocket.close", "code": FAILED})
        return
    await send({"type": "websocket.accept"})
    recogniser = Recogniser(script, 16_000)
    later = set[asyncio.Task[None]]()
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text"):
            recogniser = Recogniser(script, int(json.loads(message["text"])["sampleRate"]))
            continue
        for text, final in recogniser.feed(channel(message.get("bytes") or b"", 0)):
            fault = script.fault(Needs.TRANSCRIBER)
            if fault is not None and fault[0] == FAILING:
                await send({"type": "websocket.close", "code": FAILED})
                return
            if fault is None:
                await _tell(send, text, final=final)
            elif fault[0] != SILENT:
                task = asyncio.create_task(_tell_late(send, text, fault[1], final=final))
                later.add(task)
                task.add_done_callback(later.discard)


async def _tell_late(send: Send, text: str, seconds: float, *, final: bool) -> None:
    await asyncio.sleep(seconds)
    await _tell(send, text, final=final)


async def _tell(send: Send, text: str, *, final: bool) -> None:
    told = {
        "type": "transcriber-response",
        "transcription": text,
        "channel": "customer",
        "transcriptType": "final" if final else "partial",
    }
    await send({"type": "websocket.send", "text": json.dumps(told)})
