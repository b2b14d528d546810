"""``python -m bench.heard``: how long callers wait for an answer, as the recording has it.

Callers speak recorded sentences in real time over Twilio's protocol. The vendors are as fast as real
ones (``bench.slow_vendors``); with ``--at-once`` they answer at once. The bridge has one core.
Another reader takes each call's stereo recording, and shares no code with the bridge. It looks with
numpy at the energy of the 10 ms around every sample. So it finds each answer's first sound, and the
caller's last one before it. The bridge reports each turn's ``turnLatency``. Exits with 1 if one of
them differs by more than 20 ms, or is on one side only.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import os
import sys
import time
import urllib.request
import wave
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import uvloop
from numpy.typing import NDArray

from bench.calls import BETWEEN, Api, assistant, leave_the_bridges_core, warmed
from bench.figures import median, percentile
from bench.machine import machine
from bench.phone import Phone, window

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
AIM = {"p50": 1.25, "p95": 1.8}
"""Seconds that a caller should wait at most."""
FLUX = {"provider": "deepgram", "model": "flux-general-en"}


class Kind(NamedTuple):
    """An assistant, by what ends its callers' turns."""

    name: str
    smart: bool = False
    flux: bool = False


KINDS = (Kind("silence"), Kind("smart-turn", smart=True), Kind("flux", flux=True))
EAGER: dict[bool, dict[str, str]] = {False: {}, True: {"EAGER_MODEL_REQUESTS": "1"}}
"""Variables of the bridge: whether the model is asked before the turn is over."""


class Turns(NamedTuple):
    """Of one call, in seconds: as reported, and as the recording has them."""

    reported: list[float]
    heard: list[float]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=8, help="at once")
    options.add_argument("--turns", type=int, default=3, help="of each call")
    options.add_argument("--at-once", action="store_true", help="vendors without a delay")
    names = [each.name for each in KINDS]
    options.add_argument("--kinds", nargs="+", choices=names, default=names)
    options.add_argument("--eager", choices=["off", "on", "both"], default="both")
    chosen = options.parse_args()
    leave_the_bridges_core()
    sys.exit(uvloop.run(compare(chosen)))


async def compare(chosen: argparse.Namespace) -> int:
    print(f"{machine()}; {chosen.calls} calls at once on the bridge's core")
    print(
        f"{'turn ends by':<20} {'turns':>5} {'p50 ms':>7} {'p95 ms':>7} {'most':>6} | {'core':>5} "
        f"{'holes':>5} {'worst':>5} | {'asked':>5} {'cut':>4} | {'p95 off':>7} {'most':>5} {'lost':>4}"
    )
    vendors = "bench.vendors" if chosen.at_once else "bench.slow_vendors"
    eager = {"off": [False], "on": [True], "both": [False, True]}[chosen.eager]
    failed = False
    for early in [False] if chosen.at_once else eager:
        with warmed(EAGER[early], vendors) as api:
            for kind in KINDS:
                if kind.name in chosen.kinds and not (chosen.at_once and kind.flux):
                    failed = await row(api, kind, chosen, early=early) or failed
    aim = ", ".join(f"{name} {seconds * 1e3:.0f} ms" for name, seconds in AIM.items())
    print(f"load {os.getloadavg()[0]:.1f} after; the aim: {aim}")
    print(
        "holes: over 60 ms in an answer's sound; asked, cut: requests to the model, and those that"
    )
    print(
        "were thrown away; off: between the report and the recording, in ms; lost: turns of calls"
    )
    print("with another number of turns in the report than in the recording")
    return int(failed)


async def row(api: Api, kind: Kind, chosen: argparse.Namespace, *, early: bool) -> bool:
    """Measure and print one kind of assistant. Returns whether report and recording differ."""
    made = api.ask("POST", "/assistant", assistant_of(kind))["id"]
    phones = [await asyncio.to_thread(api.phone_of, made, Phone) for _ in range(chosen.calls)]
    before, began, cpu = requests(api), time.monotonic(), api.bridge.cpu
    found = await asyncio.gather(
        *(one(api, phone, number * BETWEEN, chosen.turns) for number, phone in enumerate(phones))
    )
    share = (api.bridge.cpu - cpu) / (time.monotonic() - began)
    asked, cut = (now - then for now, then in zip(requests(api), before, strict=True))
    same = [each for each in found if len(each.reported) == len(each.heard)]
    pairs = list(itertools.chain.from_iterable(zip(*each, strict=True) for each in same))
    lost = sum(len(each.reported) + len(each.heard) for each in found) - 2 * len(pairs)
    off = [abs(ours - theirs) for ours, theirs in pairs]
    waits = [theirs for _, theirs in pairs]
    seen = window(phones)
    print(
        f"{kind.name + (', eager' if early else ''):<20} {len(pairs):>5} {median(waits):>7.0f} "
        f"{percentile(waits, 0.95):>7.0f} {max(waits, default=0.0) * 1e3:>6.0f} | {share:>5.0%} "
        f"{len(seen.holes):>5} {seen.worst * 1e3:>5.0f} | {asked:>5} {cut:>4} | "
        f"{percentile(off, 0.95):>7.1f} {max(off, default=0.0) * 1e3:>5.1f} {lost:>4}",
        flush=True,
    )
    return not pairs or lost > 0 or max(off) > BOUND


def assistant_of(kind: Kind) -> dict[str, Any]:
    made = assistant(kind.smart)
    return {**made, "transcriber": FLUX} if kind.flux else made


async def one(api: Api, phone: Phone, wait: float, turns: int) -> Turns:
    await asyncio.sleep(wait)
    await phone.live(turns=turns)
    call = await asyncio.to_thread(ended, api, phone.call)
    metrics = call["artifact"].get("performanceMetrics", {})
    reported = [each["turnLatency"] / 1e3 for each in metrics.get("turnLatencies", ())]
    file = await asyncio.to_thread(fetched, call["artifact"]["recording"]["stereoUrl"])
    return Turns(reported, list(heard(file)))


# -- the reader


def heard(file: bytes) -> Iterator[float]:
    """The wait before each answer: from the caller's last sound to the assistant's first."""
    rate, (left, right) = stereo(file)
    caller, assistant = sounds(left, rate), sounds(right, rate)
    answered = 0
    for first in beginnings(assistant, rate):
        spoken = [end for begin, end in caller if answered <= begin and end <= first]
        if spoken:
            yield (first - spoken[-1]) / rate
        answered = first


def stereo(file: bytes) -> tuple[int, tuple[Samples, Samples]]:
    """A WAV file's rate, and its sides: the caller's and the assistant's."""
    with wave.open(io.BytesIO(file)) as sound:
        rate = sound.getframerate()
        frames = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    whole = frames.astype(np.float64)
    return rate, (whole[:, 0], whole[:, 1])


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


# -- the bridge and the vendors


def requests(api: Api) -> tuple[int, int]:
    """Requests that the model got so far, and those of them that were cut off."""
    found = json.loads(fetched(f"http://127.0.0.1:{api.vendors.port}/requests") or b"{}")
    return found.get("asked", 0), found.get("cut off", 0)


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
