"""``python -m bench.local``: latency and words right of ``patchbay[local]`` on this machine.

Piper speaks sentences as callers say them. They go through mu-law at 8 kHz with the noise of a
line. Whisper hears them, one at a time and several at once. The floor is the same pipe with a
program that answers at once. It prints the table of ``docs/local-speech.md``.
"""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

import click
import numpy as np

from app.domain.assistant.installation import operators
from app.settings import load
from app.vendors import registry, stt, tts
from app.vendors.common.account import NO_ACCOUNT, VendorAccount
from app.vendors.common.subprocess_worker import SubprocessWorker
from app.vendors.piper import models as piper
from app.vendors.piper import speaking
from app.vendors.whisper import listening
from app.vendors.whisper import models as whisper
from bench.machine import machine
from providers.common.audio import mulaw_to_pcm, pcm_to_mulaw

RATE = 8000
# Mean level of the noise below a voice of about 3000: a call from a street.
NOISE = 60
SENTENCES = (
    "I would like to book a table for four people on Friday evening.",
    "My order has not arrived, and I have been waiting since Monday.",
    "Can you tell me your opening hours, please?",
    "Yes, that is right, please go ahead.",
    "No, I said the fifteenth of October, not the fiftieth.",
    "I need to speak with somebody about my last invoice.",
    "The address is twenty three Baker Street, second floor.",
    "Could you repeat that more slowly?",
    "I want to cancel my appointment tomorrow morning.",
    "Thank you very much, goodbye.",
)
NUMBERS = {
    "23": "twenty three",
    "15th": "fifteenth",
    "50th": "fiftieth",
    "4": "four",
    "2nd": "second",
}
# A program that answers every line with the end of an answer.
ECHO = """
import sys
for _ in sys.stdin.buffer:
    sys.stdout.buffer.write(b"e" + bytes(4))
    sys.stdout.flush()
"""


class Times(NamedTuple):
    """Seconds."""

    name: str
    p50: float
    p95: float


def times(name: str, found: Sequence[float]) -> Times:
    """Both percentiles of at least two durations."""
    return Times(name, statistics.median(found), statistics.quantiles(found, n=20)[18])


def words(text: str) -> list[str]:
    """In lower case, without signs, with numbers as they are spoken."""
    plain = re.findall(r"[a-z0-9']+", text.lower())
    return " ".join(NUMBERS.get(each, each) for each in plain).split()


def right(said: str, heard: str) -> tuple[int, int]:
    """How many of the spoken words were heard in their order, and how many were spoken."""
    wanted, found = words(said), words(heard)
    blocks = SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks()
    return sum(each.size for each in blocks), len(wanted)


def on_a_line(pcm: bytes, seed: int) -> bytes:
    """As a phone line brings it: mu-law, and noise."""
    noise = np.random.default_rng(seed).normal(0, NOISE, len(pcm) // 2)
    loud = np.frombuffer(pcm, np.int16) + noise
    line = np.clip(loud, -32768, 32767).astype(np.int16).tobytes()
    return mulaw_to_pcm(pcm_to_mulaw(line))


async def spoken(text: str, voice: piper.Voice) -> tuple[bytes, float]:
    """The sound, and the seconds until its first piece."""
    began, first, pcm = time.perf_counter(), 0.0, b""
    async for piece in speaking.speak(text, voice, RATE, 1.0):
        first, pcm = first or time.perf_counter() - began, pcm + piece
    return pcm, first


async def heard(sound: bytes, model: whisper.Model) -> tuple[str, float]:
    """The text, and the seconds from the whole utterance to it."""
    began = time.perf_counter()
    text = await listening.listen(sound, RATE, model, "en")
    return text, time.perf_counter() - began


async def floor() -> Times:
    """A request through the same pipe, to a program that answers at once."""
    helper, found = SubprocessWorker("echo", lambda: [sys.executable, "-c", ECHO], 10.0), []
    for _ in range(200):
        began = time.perf_counter()
        async for _ in helper.ask(b"\n"):
            pass
        found.append(time.perf_counter() - began)
    return times("floor: the pipe alone", found[1:])


@dataclass
class Run:
    """What one caller after the other said, and what was heard."""

    firsts: list[float] = field(default_factory=list)
    """Seconds until the first sound of each sentence."""
    texts: list[float] = field(default_factory=list)
    """Seconds until the text of each utterance."""
    words: list[tuple[int, int]] = field(default_factory=list)
    """Of each utterance, as ``right`` counts them."""
    sounds: list[bytes] = field(default_factory=list)

    @property
    def spoken_seconds(self) -> float:
        return sum(map(len, self.sounds)) / 2 / RATE

    async def add(self, text: str, voice: piper.Voice, model: whisper.Model) -> None:
        """Say a sentence and hear it. A word that is wrong is printed."""
        pcm, first = await spoken(text, voice)
        sound = on_a_line(pcm + bytes(RATE), len(self.sounds))  # with half a second of silence
        answer, seconds = await heard(sound, model)
        self.sounds.append(sound)
        self.firsts.append(first)
        self.texts.append(seconds)
        self.words.append(right(text, answer))
        if self.words[-1][0] < self.words[-1][1]:
            print(f"  said  {text}\n  heard {answer}")


async def together(sounds: Sequence[bytes], model: whisper.Model, callers: int) -> list[float]:
    """Seconds until the text of each utterance, where so many end at the same moment."""
    chosen, found = random.Random(1).choices(sounds, k=callers * 5), list[float]()
    for at in range(0, len(chosen), callers):
        answers = (heard(each, model) for each in chosen[at : at + callers])
        found += [seconds for _, seconds in await asyncio.gather(*answers)]
    return found


async def started(
    name: str, begin: Callable[[VendorAccount], Awaitable[None]], account: VendorAccount
) -> None:
    """Start a program and print how long it took."""
    began = time.perf_counter()
    await begin(account)
    print(f"{name}: started in {time.perf_counter() - began:.1f} s")


async def measure(rounds: int, callers: int, account: VendorAccount) -> None:
    """Print all figures."""
    model, voice = whisper.choose({}, account), piper.choose({}, account)
    print(f"{machine()}\nwhisper {model.name}, {listening.threads()} thread(s); piper {voice.name}")
    await started("piper", speaking.start, account)
    await started("whisper", listening.start, account)
    run = Run()
    for text in SENTENCES * rounds:
        await run.add(text, voice, model)
    crowd = await together(run.sounds, model, callers)
    rows = (
        await floor(),
        times("piper: first sound of a sentence", run.firsts),
        times("whisper: text of an utterance", run.texts),
        times(f"whisper: {callers} utterances at the same moment", crowd),
    )
    print("\n| | p50 ms | p95 ms |\n| --- | --: | --: |")
    for row in rows:
        print(f"| {row.name} | {row.p50 * 1000:.1f} | {row.p95 * 1000:.1f} |")
    hits, total = (sum(each) for each in zip(*run.words, strict=True))
    whole = sum(found == said for found, said in run.words)
    print(f"\nwords right: {hits} of {total}; whole sentences: {whole} of {len(run.words)}")
    print(f"whisper: {sum(run.texts) / run.spoken_seconds:.2f} s for a second of sound")


@click.command()
@click.option("--rounds", default=2, help="How often each of the sentences is said.")
@click.option("--callers", default=4, help="How many speak at the same moment, at the end.")
def main(rounds: int, callers: int) -> None:
    """Measure the speech of this machine."""
    accounts = operators(load())
    for problem in (
        stt.problem({"provider": registry.LOCAL_TRANSCRIBER}, accounts),
        tts.problem({"provider": registry.LOCAL_VOICE}, accounts),
    ):
        if problem:
            raise SystemExit(problem)
    account = accounts.get(registry.LOCAL_VOICE, NO_ACCOUNT)
    asyncio.run(measure(rounds, callers, account))


if __name__ == "__main__":
    main()
