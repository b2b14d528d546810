"""Audio to text by Whisper, in programs of their own. This file does not import pipecat.

``whisper/worker.py`` is the program. The second one starts once the first has work.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from app.vendors.common.account import VendorAccount
from app.vendors.common.subprocess_worker import (
    SubprocessWorker,
    WorkerBusy,
    WorkerFailed,
    WorkerRefused,
)
from app.vendors.whisper import models, worker
from app.vendors.whisper.models import Model

# Seconds that an utterance may take, others' before it included.
PATIENCE = 30.0
# Seconds of an utterance. Of a longer one the end is used.
MAX_SECONDS = 60
# Utterances that are decoded at the same time.
PROGRAMS = 2
# Utterances of one program without a text yet. One more would come seconds too late.
MOST = 4


class ListeningFailed(Exception):
    """There is no text; the message tells the operator why."""


class ListeningBusy(ListeningFailed):
    """The programs have as much to do as they can finish in time."""


def threads() -> int:
    """Of one program: half of the processors, the rest is for the calls."""
    return max(1, (os.cpu_count() or 1) // 2)


def _command() -> list[str]:
    return [sys.executable, "-I", worker.__file__, str(threads())]


LISTENERS = tuple(
    SubprocessWorker("speech recogniser (faster-whisper)", _command, PATIENCE, MOST)
    for _ in range(PROGRAMS)
)


async def listen(pcm: bytes, sample_rate: int, model: Model, language: str | None) -> str:
    """The text of 16-bit mono PCM, or "". ``language``: Whisper's code; None: it finds out.

    Raises ``ListeningBusy`` at once, and ``ListeningFailed``.
    """
    helper = min(LISTENERS, key=lambda each: each.waiting)
    sound = await asyncio.to_thread(_converted, pcm, sample_rate) if pcm else b""
    head = {"model": model.source, "language": language, "bytes": len(sound)}
    try:
        asked = helper.ask(json.dumps(head).encode() + b"\n" + sound)
        pieces = [piece async for piece in asked]
    except WorkerBusy as error:
        text = "let MAX_CALLS_PER_PROCESS be smaller, take a smaller model or a faster machine"
        raise ListeningBusy(f"{error} If this is often so, {text}.") from error
    except (WorkerFailed, WorkerRefused) as error:
        raise ListeningFailed(str(error)) from error
    return b"".join(pieces).decode()


async def start(account: VendorAccount) -> None:
    """Start a program with the usual model. Raises ``MissingModel``, ``ListeningFailed``."""
    await listen(b"", worker.RATE, models.choose({}, account), "en")


def _converted(pcm: bytes, sample_rate: int) -> bytes:
    import numpy as np
    import soxr  # type: ignore[import-untyped]  # it has no types

    samples = np.frombuffer(pcm, np.int16)[-MAX_SECONDS * sample_rate :]
    return bytes(soxr.resample(samples, sample_rate, worker.RATE).tobytes())
