"""``python -m bench.heard``: whether the reported latencies are what the recording holds.

Callers speak recorded sentences in real time over Twilio's protocol. The bridge reports each turn's
``turnLatency``. Then another reader takes the stereo recording, and shares no code with the bridge.
It looks with numpy at the energy of the 10 ms around every sample. So it finds each
answer's first sound, and the caller's last one before it. Exits with 1 if a turn differs by
more than 20 ms, or is reported on one side only.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import time
import urllib.request
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import uvloop
from numpy.typing import NDArray

from bench.calls import BETWEEN, TURNS, Api, warmed
from bench.figures import median, percentile

Samples = NDArray[np.float64]
WINDOW_SECONDS = 0.01
AUDIBLE_DB = -45.0
"""Of full scale: a window from this level on is audible."""
CLICK_SECONDS = 0.015
"""Shorter sound is a click."""
PAUSE_SECONDS = 0.25
"""Silence of the assistant after which sound is another answer."""
BOUND = 0.02
REPORT_SECONDS = 30.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=4, help="at once, for each way to end a turn")
    options.add_argument("--turns", type=int, default=5)
    chosen = options.parse_args()
    sys.exit(uvloop.run(compare(chosen.calls, chosen.turns)))


async def compare(calls: int, turns: int) -> int:
    print(
        f"{'turn ends by':<16} {'turns':>6} {'p50 ms':>7} | {'p95 off':>8} {'worst':>6} {'lost':>5}"
    )
    failed = False
    with warmed() as api:
        for smart, name in TURNS.items():
            found = await asyncio.gather(
                *(one(api, number, turns, smart=smart) for number in range(calls))
            )
            same = [each for each in found if len(each[0]) == len(each[1])]
            pairs = [pair for each in same for pair in zip(*each, strict=True)]
            lost = sum(len(reported) + len(heard) for reported, heard in found) - 2 * len(pairs)
            off = [abs(ours - theirs) for ours, theirs in pairs]
            print(
                f"{name:<16} {len(pairs):>6} {median([theirs for _, theirs in pairs]):>7.0f} | "
                f"{percentile(off, 0.95):>8.1f} {max(off, default=0.0) * 1e3:>6.1f} {lost:>5}"
            )
            failed = failed or not pairs or lost > 0 or max(off) > BOUND
    print("off: the difference between the report and the recording, in ms; lost: turns of calls")
    print("with another number of turns in the report than in the recording")
    return int(failed)


async def one(api: Api, number: int, turns: int, *, smart: bool) -> tuple[list[float], list[float]]:
    """One call's latencies in seconds: as reported, and as the recording has them."""
    await asyncio.sleep(number * BETWEEN)
    _, phone = await asyncio.to_thread(api.phone, smart=smart)
    await phone.live(turns=turns)
    call = await asyncio.to_thread(ended, api, phone.call)
    metrics = call["artifact"].get("performanceMetrics", {})
    reported = [each["turnLatency"] / 1e3 for each in metrics.get("turnLatencies", ())]
    file = await asyncio.to_thread(fetched, call["artifact"]["recording"]["stereoUrl"])
    return reported, list(heard(file))


# -- the reader


def heard(file: bytes) -> Iterator[float]:
    """The wait before each answer: from the caller's last sound to the assistant's first."""
    with wave.open(io.BytesIO(file)) as sound:
        rate = sound.getframerate()
        frames = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    caller, assistant = (sounds(frames[:, side].astype(np.float64), rate) for side in (0, 1))
    answered = 0
    for first in beginnings(assistant, rate):
        spoken = [end for begin, end in caller if answered <= begin and end <= first]
        if spoken:
            yield (first - spoken[-1]) / rate
        answered = first


def sounds(samples: Samples, rate: int) -> list[tuple[int, int]]:
    """First and last sample of each sound that is longer than a click."""
    size = round(WINDOW_SECONDS * rate)
    energy = np.convolve(samples**2, np.ones(size), "same") / size
    least = 32768.0**2 * 10 ** (AUDIBLE_DB / 10)
    loud = energy >= least
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.view(np.int8), [0]))))
    # the energy begins half a window before the sound does
    heard = [
        begin + np.flatnonzero(samples[begin:end] ** 2 >= least)
        for begin, end in edges.reshape(-1, 2)
    ]
    spans = [(int(each[0]), int(each[-1]) + 1) for each in heard if each.size]
    return [(begin, end) for begin, end in spans if end - begin >= CLICK_SECONDS * rate]


def beginnings(spans: list[tuple[int, int]], rate: int) -> Iterator[int]:
    """Where the sound begins after a pause."""
    before = -rate
    for begin, end in spans:
        if begin - before > PAUSE_SECONDS * rate:
            yield begin
        before = end


# -- the bridge


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        found: bytes = answer.read()
        return found


def ended(api: Api, call: str) -> Any:
    """The call, once its recording is stored."""
    until = time.monotonic() + REPORT_SECONDS
    while time.monotonic() < until:
        found = api.ask("GET", f"/call/{call}")
        if found.get("artifact", {}).get("recording"):
            return found
        time.sleep(0.2)
    raise SystemExit(f"call {call} has no recording")


if __name__ == "__main__":
    main()
