"""Text to audio by Piper, in a program of its own. This file does not import pipecat.

``piper/worker.py`` is the program. It speaks one sentence after the other, of all calls.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

from app.vendors.common.account import VendorAccount
from app.vendors.common.subprocess_worker import SubprocessWorker, WorkerFailed, WorkerRefused
from app.vendors.piper import models, worker
from app.vendors.piper.models import Voice

# Seconds until the next sound, others' sentences before it included.
PATIENCE = 20.0
# Sentences that may wait at the same time. One takes a fraction of a second.
MOST = 16
# Characters of one text; the rest is not spoken.
MAX_TEXT = 2_000

_UNSPOKEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


class SpeakingFailed(Exception):
    """The text is not spoken. The message tells the operator why."""


def _command() -> list[str]:
    return [sys.executable, "-I", worker.__file__, str(max(1, (os.cpu_count() or 1) // 2))]


SPEAKER = SubprocessWorker("speech program (piper)", _command, PATIENCE, MOST)


async def speak(
    text: str, voice: Voice, sample_rate: int, speed: float
) -> AsyncGenerator[bytes, None]:
    """Yield the text as 16-bit mono PCM at ``sample_rate`` Hz, a sentence at a time.

    Raises ``SpeakingFailed``; at once where too many sentences wait.
    """
    from app.vendors.common.resample import Converter

    plain = _plain(text)
    if not plain:
        return
    convert = Converter(voice.rate, sample_rate)
    request = json.dumps({"text": plain, "speed": speed, "voice": voice.source}).encode()
    try:
        async with aclosing(SPEAKER.ask(request + b"\n")) as sound:
            async for pcm in sound:
                if ready := convert.feed(pcm):
                    yield ready
    except (WorkerFailed, WorkerRefused) as error:
        raise SpeakingFailed(str(error)) from error
    if rest := convert.rest():
        yield rest


async def start(account: VendorAccount) -> None:
    """Start the program with the usual voice. Raises ``MissingModel``, ``SpeakingFailed``."""
    voice = models.choose({}, account)
    async for _ in speak("Ready.", voice, voice.rate, 1.0):
        pass


def _plain(text: str) -> str:
    """Without control characters, and without Piper's mark of phonemes."""
    return " ".join(_UNSPOKEN.sub(" ", text[:MAX_TEXT]).replace("[[", "[ [").split())
