"""Callers: each speaks, listens and pauses in real time over Twilio's media protocol, and measures.

The arrival times of the audio give the playback. Audio that arrives after the previous audio was
played leaves a gap.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import struct
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.sounds import GREETING, REPLY, SECONDS
from providers.common.audio import audioop
from providers.twilio.stream_messages import SAMPLE_RATE as RATE
from providers.twilio.stream_messages import StreamMessages, payload_pcm
from tests.fakes.carriers.accounts import ACCOUNT
from tests.fakes.carriers.twilio import TWILIO
from tests.speech import speech

STEP = 0.02
SLICE = int(RATE * STEP) * 2
"""Bytes of PCM in one message."""
SENTENCES = ("book", "two", "open", "no")
LOUD = 300
NOISE = 30
"""Mean level of a line's silence: 60 dB below the loudest."""
THINK = 0.7
"""Seconds between the assistant's last word and the caller's first."""
HOLE = 0.06
PATIENCE = 8.0
"""Seconds after which an answer is too late to count."""


@dataclass
class Turn:
    """Moments of a turn, in monotonic seconds."""

    last_word: float
    first_sound: float


@dataclass
class Record:
    """The measurements of one or more callers."""

    turns: list[Turn] = field(default_factory=list)
    holes: list[float] = field(default_factory=list)
    """Gaps within a sentence, in seconds: those longer than ``HOLE``."""
    worst: float = 0.0
    unanswered: int = 0
    late: list[float] = field(default_factory=list)
    """Delay of the caller's own messages."""


def spoken(name: str) -> list[bytes]:
    """A sentence as the PCM of messages; the last one is loud."""
    pcm = speech(name, RATE)
    pieces = [pcm[at : at + SLICE].ljust(SLICE, b"\0") for at in range(0, len(pcm), SLICE)]
    while audioop.rms(pieces[-1], 2) < LOUD:
        pieces.pop()
    return pieces


def noise() -> list[bytes]:
    """One second of a line without speech, as the PCM of messages."""
    source = random.Random(1)
    samples = [round(source.gauss(0, NOISE)) for _ in range(RATE)]
    pcm = struct.pack(f"<{RATE}h", *samples)
    return [pcm[at : at + SLICE] for at in range(0, len(pcm), SLICE)]


class Phone:
    """One caller. ``record`` may be replaced at any time: a new window begins."""

    def __init__(self, url: str, call: str = "") -> None:
        self.record = Record()
        self.first_sound = 0.0
        """Seconds from the stream's start to the greeting."""
        self.call = call
        self._url = url
        self._messages = StreamMessages(ACCOUNT, TWILIO.new_ref(), {"callId": call})
        self._queue = deque[bytes]()
        self._last_word = asyncio.Event()
        self._said_at = 0.0
        self._played_until = 0.0
        self._left = 0.0
        """Remaining seconds of the current sentence."""
        self._began_at = 0.0
        self._came = asyncio.Event()

    async def live(self, turns: int | None = None) -> None:
        """Call, talk for so many turns or until cancelled, then hang up."""
        async with self._open() as socket:
            await self._start(socket)
            tasks = [
                asyncio.create_task(self._send(socket)),
                asyncio.create_task(self._listen(socket)),
            ]
            try:
                await self._talk(turns)
            finally:
                for task in tasks:
                    task.cancel()
                with suppress(ConnectionClosed):
                    await socket.send(self._messages.stop())

    async def echo(self, seconds: float) -> list[float]:
        """Measure the time of each message to a server that echoes it."""
        times, sent = list[float](), deque[float]()
        sound = spoken("book")[5]
        async with self._open() as socket:
            await self._start(socket)

            async def listen() -> None:
                async for _ in socket:
                    times.append(time.monotonic() - sent.popleft())

            task = asyncio.create_task(listen())
            due = time.monotonic()
            for _ in range(int(seconds / STEP)):
                sent.append(time.monotonic())
                await socket.send(self._messages.media(sound))
                due += STEP
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            task.cancel()
        return times

    def _open(self) -> connect:
        return connect(
            self._url,
            additional_headers=TWILIO.signer.handshake(self._url),
            proxy=None,
            compression=None,
            ping_interval=None,
        )

    async def _start(self, socket: ClientConnection) -> None:
        await socket.send(self._messages.connected())
        await socket.send(self._messages.start())
        self._said_at = time.monotonic()

    async def _talk(self, turns: int | None) -> None:
        self._expect(SECONDS[GREETING])
        await asyncio.wait_for(self._came.wait(), 30)
        self.first_sound = self._began_at - self._said_at
        for number in itertools.count() if turns is None else range(turns):
            await asyncio.sleep(max(0.0, self._played_until - time.monotonic()) + THINK)
            await self._say(SENTENCES[number % len(SENTENCES)])
            self._expect(SECONDS[REPLY])
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._came.wait()
            except TimeoutError:
                self.record.unanswered += 1
            else:
                self.record.turns.append(Turn(self._said_at, self._began_at))

    async def _say(self, name: str) -> None:
        self._last_word.clear()
        self._queue.extend(spoken(name))
        await self._last_word.wait()

    def _expect(self, seconds: float) -> None:
        self._left, self._began_at = seconds, 0.0
        self._came.clear()

    async def _send(self, socket: ClientConnection) -> None:
        quiet = itertools.cycle([self._messages.media(each) for each in noise()])
        due = time.monotonic()
        while True:
            last = len(self._queue) == 1
            queue = self._queue
            await socket.send(self._messages.media(queue.popleft()) if queue else next(quiet))
            if last:
                self._said_at = time.monotonic()
                self._last_word.set()
            due += STEP
            self.record.late.append(time.monotonic() - due + STEP)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self, socket: ClientConnection) -> None:
        async for message in socket:
            now, body = time.monotonic(), json.loads(message)
            if body["event"] != "media":
                continue
            pcm = payload_pcm(body)
            seconds = len(pcm) / 2 / RATE
            if not self._began_at:
                if audioop.rms(pcm, 2) <= LOUD:
                    continue
                self._began_at = now
            else:
                self._look_for_a_hole(now - self._played_until)
            self._played_until = max(self._played_until, now) + seconds
            self._left -= seconds
            if self._left < 0.05:
                self._came.set()

    def _look_for_a_hole(self, gap: float) -> None:
        if self._came.is_set():
            return
        self.record.worst = max(self.record.worst, gap)
        if gap > HOLE:
            self.record.holes.append(gap)


def window(phones: Sequence[Phone]) -> Record:
    """Return the measurements since the last window, and start a new window."""
    whole = Record()
    for phone in phones:
        seen, phone.record = phone.record, Record()
        whole.turns += seen.turns
        whole.holes += seen.holes
        whole.late += seen.late
        whole.worst = max(whole.worst, seen.worst)
        whole.unanswered += seen.unanswered
    return whole
