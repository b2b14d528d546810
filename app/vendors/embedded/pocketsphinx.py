"""Audio to text without an account: PocketSphinx, in processes of its own.

``embedded/pocketsphinx_worker.py`` is its program. This file does not import pipecat.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

from app.vendors.common.subprocess_worker import SubprocessWorker, WorkerFailed, WorkerRefused
from app.vendors.embedded import pocketsphinx_worker

# Seconds. Dictation takes most of the spoken time, and waits for other calls'.
PATIENCE = 30.0
# Seconds of an utterance. Of a longer one the end is used.
MAX_SECONDS = 15
# Utterances decoded at the same time. The second program starts when it is needed.
PROGRAMS = 2


class ListeningFailed(Exception):
    """Recognition is not possible; the message tells the operator why."""


def _command() -> list[str]:
    return [sys.executable, "-I", pocketsphinx_worker.__file__]


LISTENERS = tuple(
    SubprocessWorker("speech recogniser (pocketsphinx)", _command, PATIENCE)
    for _ in range(PROGRAMS)
)


async def listen(pcm: bytes, sample_rate: int, phrases: Sequence[str] = ()) -> str:
    """Recognise 16-bit mono PCM: one of ``phrases`` (lower case), or "". Without them: dictation.

    Raises ``ListeningFailed``.
    """
    helper = min(LISTENERS, key=lambda each: each.waiting)
    sound = await asyncio.to_thread(_convert, pcm, sample_rate)
    head = json.dumps({"phrases": list(phrases), "bytes": len(sound)}).encode()
    try:
        pieces = [piece async for piece in helper.ask(head + b"\n" + sound)]
    except (WorkerFailed, WorkerRefused) as error:
        raise ListeningFailed(str(error)) from error
    return b"".join(pieces).decode()


def _convert(pcm: bytes, sample_rate: int) -> bytes:
    import numpy as np
    import soxr  # type: ignore[import-untyped]  # it has no types

    samples = np.frombuffer(pcm, np.int16)[-MAX_SECONDS * sample_rate :]
    return bytes(soxr.resample(samples, sample_rate, pocketsphinx_worker.RATE).tobytes())


async def preload(phrases: Sequence[str] = ()) -> None:
    """Start a program and load its model, before the first caller speaks."""
    await listen(bytes(pocketsphinx_worker.RATE), pocketsphinx_worker.RATE, phrases)
