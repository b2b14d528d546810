"""``python -m bench.words``: which share of the spoken words arrives, and where.

Callers and assistant speak recorded sentences in real time over Twilio's protocol. In every third
turn the caller interrupts the answer. The vendors are as fast as real ones. A word was heard where
its sound is found (``bench.word_match``). The sound is that of the transcriber, the phone and both
sides of the recording. The transcript is compared with it. Exits with 1 if a share is below
``LEAST``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import uvloop
from websockets.asyncio.client import ClientConnection

from bench.calls import BETWEEN, Api, assistant, leave_the_bridges_core, warmed
from bench.heard import ended, fetched, stereo
from bench.machine import machine
from bench.phone import LOUD, THINK, Phone
from bench.word_match import Samples, plain, words_in
from bench.word_vendors import GREETING
from providers.common.audio import audioop
from providers.twilio.stream_messages import SAMPLE_RATE as RATE
from providers.twilio.stream_messages import payload_pcm
from tests.speech import SENTENCES

SAID = ("book", "two", "no")
STOP = "stop"
STOPS_AFTER = 0.9
"""Seconds of an answer after which the caller interrupts it."""
QUIET = 0.6
"""Silence after which an answer is over."""
PATIENCE = 10.0
LEAST = 0.98

Words = Counter[str]


class WordPhone(Phone):
    """A caller who keeps what was said, and what was heard."""

    def __init__(self, url: str, call: str = "") -> None:
        super().__init__(url, call)
        self.said = list[str]()
        self._began = 0.0
        self._loud_at = 0.0
        self._pieces = list[tuple[float, bytes]]()

    @property
    def sound(self) -> Samples:
        """What the carrier played."""
        whole = np.zeros(round((self._played_until - self._began) * RATE) + RATE)
        for at, pcm in self._pieces:
            samples = np.frombuffer(pcm, "<i2")
            first = round((at - self._began) * RATE)
            whole[first : first + len(samples)] = samples
        return whole

    async def _talk(self, turns: int | None) -> None:
        await self._answer_is_over()
        for number in range(turns or 0):
            await asyncio.sleep(THINK)
            await self._speak(SAID[number % len(SAID)])
            if number % 3 == 1:
                await self._answer_begins()
                await asyncio.sleep(STOPS_AFTER)
                await self._speak(STOP)
            await self._answer_is_over()

    async def _speak(self, name: str) -> None:
        self.said.append(SENTENCES[name])
        await self._say(name)

    async def _answer_begins(self) -> None:
        since = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while self._loud_at < since:  # noqa: ASYNC110  # as often as sound comes
                await asyncio.sleep(0.02)

    async def _answer_is_over(self) -> None:
        await self._answer_begins()
        while self._played_until + QUIET > time.monotonic():  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _listen(self, socket: ClientConnection) -> None:
        self._began = self._played_until = time.monotonic()
        async for message in socket:
            now, body = time.monotonic(), json.loads(message)
            if body["event"] == "clear":
                self._clear(now)
            elif body["event"] == "media":
                pcm = payload_pcm(body)
                at = max(self._played_until, now)
                self._pieces.append((at, pcm))
                self._played_until = at + len(pcm) / 2 / RATE
                if audioop.rms(pcm, 2) > LOUD:
                    self._loud_at = now

    def _clear(self, now: float) -> None:
        """The carrier drops what it has not played."""
        kept = [(at, pcm[: 2 * max(0, round((now - at) * RATE))]) for at, pcm in self._pieces]
        self._pieces = [(at, pcm) for at, pcm in kept if pcm]
        self._played_until = min(self._played_until, now)


class Arrived(NamedTuple):
    """The words of one call: what was spoken or heard, and what is there of them."""

    caller: Words
    caller_transcript: Words
    caller_recording: Words
    assistant: Words
    assistant_transcript: Words
    assistant_recording: Words


ROWS = (
    ("caller: spoken", "caller", "caller"),
    ("caller: transcript", "caller_transcript", "caller"),
    ("caller: recording", "caller_recording", "caller"),
    ("assistant: heard by the caller", "assistant", "assistant"),
    ("assistant: transcript", "assistant_transcript", "assistant"),
    ("assistant: recording", "assistant_recording", "assistant"),
)
"""A row's name, what it counts, and what that is a share of."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=4, help="at once")
    options.add_argument("--turns", type=int, default=4)
    chosen = options.parse_args()
    leave_the_bridges_core()
    sys.exit(uvloop.run(measure(chosen.calls, chosen.turns)))


async def measure(calls: int, turns: int) -> int:
    print(f"{machine()}; {calls} calls of {turns} turns, every third answer is interrupted")
    with warmed(vendors_module="bench.word_vendors") as api:
        made = api.ask("POST", "/assistant", {**assistant(smart=False), **ASSISTANT})["id"]
        found = await asyncio.gather(*(one(api, made, turns, n * BETWEEN) for n in range(calls)))
    worst = 1.0
    print(f"{'':<32} {'words':>6} {'share':>7} {'more':>5}")
    for name, counts, of in ROWS:
        pairs = [(getattr(each, counts), getattr(each, of)) for each in found]
        there = sum((got & whole).total() for got, whole in pairs)
        more = sum((got - whole).total() for got, whole in pairs)
        share = there / max(1, sum(whole.total() for _, whole in pairs))
        worst = min(worst, share)
        print(f"{name:<32} {there:>6} {share:>7.1%} {more:>5}")
    print("more: words that were not spoken, or not heard")
    return int(worst < LEAST)


ASSISTANT: dict[str, Any] = {
    "firstMessage": GREETING,
    "stopSpeakingPlan": {"backoffSeconds": 0},
    # the stand-in understands whole sentences: a pause between two of their sounds ends none
    "transcriber": {
        "provider": "deepgram",
        "model": "nova-2",
        "language": "en",
        "endpointing": 400,
    },
}


async def one(api: Api, assistant_id: str, turns: int, wait: float) -> Arrived:
    phone = await asyncio.to_thread(api.phone_of, assistant_id, WordPhone)
    await asyncio.sleep(wait)
    await phone.live(turns=turns)
    call = await asyncio.to_thread(ended, api, phone.call)
    messages = call["artifact"]["messages"]
    file = await asyncio.to_thread(fetched, call["artifact"]["recording"]["stereoUrl"])
    rate, (left, right) = stereo(file)
    assert rate == RATE, "the line of these callers"
    return Arrived(
        words(phone.said),
        words(each["message"] for each in messages if each["role"] == "user"),
        sounding(left),
        sounding(phone.sound),
        words(each["message"] for each in messages if each["role"] == "bot"),
        sounding(right),
    )


def words(texts: Iterable[str]) -> Words:
    return Counter(word for text in texts for word in plain(text))


def sounding(samples: Samples) -> Words:
    return Counter(each.word for each in words_in(samples))


if __name__ == "__main__":
    main()
