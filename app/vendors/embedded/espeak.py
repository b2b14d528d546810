"""Text to audio without an account: espeak-ng, in a process of its own.

``embedded/espeak_worker.py`` is its program. This file does not import pipecat.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from app.vendors.common.subprocess_worker import SubprocessWorker, WorkerFailed, WorkerRefused
from app.vendors.embedded import espeak_worker

# The voice of an assistant without a ``voiceId``.
VOICE = "en-us"
# Words per minute at ``speed`` 1. espeak-ng's own 175 is hard to follow on a phone.
WPM = 160
# The range of espeak-ng.
WPM_RANGE = (80, 450)
# Characters that espeak-ng gets at once. Another call's sentence waits for no more than these.
MAX_PIECE = 600
# Characters of one text; the rest is not spoken (ten minutes of speech come before it).
MAX_TEXT = 10_000
# Seconds; a sentence takes 0.02.
PATIENCE = 10.0

# A language, and a variant of the speaker (``en-us+f3``). It becomes a file name, so no path may
# pass.
_VOICE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*(\+[A-Za-z0-9]+)?")
_UNSPOKEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


class SpeechFailed(Exception):
    """The text is not spoken. The message tells the operator what to change."""


def _command() -> list[str]:
    program = [sys.executable, "-I", "-S", espeak_worker.__file__]
    found = find_spec("espeakng_loader")
    if found is None or found.origin is None:
        return program  # the system's own, if it has one
    home = Path(found.origin).parent
    # Found by hand: the package's own code would only load it into this process.
    library = next(home.glob("libespeak-ng.*"), None)
    return [*program, str(library), str(home / "espeak-ng-data")] if library else program


SPEAKER = SubprocessWorker("speech program (espeak-ng)", _command, PATIENCE)


async def speak(
    text: str, sample_rate: int, *, voice: str = VOICE, speed: float = 1.0
) -> AsyncGenerator[bytes, None]:
    """Yield the text as 16-bit mono PCM at ``sample_rate`` Hz, in pieces, as they are made.

    ``voice`` is a language of espeak-ng, with a variant or without; ``speed`` a factor. Raises
    ``SpeechFailed``.
    """
    check(voice)
    convert = _converter(sample_rate)
    wpm = round(min(max(WPM * speed, WPM_RANGE[0]), WPM_RANGE[1]))
    try:
        for piece in pieces(text):
            request = json.dumps({"text": piece, "voice": voice, "wpm": wpm})
            async with aclosing(SPEAKER.ask(request.encode() + b"\n")) as sound:
                async for pcm in sound:
                    if ready := convert(pcm, last=False):
                        yield ready
    except WorkerRefused as error:
        raise SpeechFailed(f"The embedded voice cannot speak: {error}") from error
    except WorkerFailed as error:
        raise SpeechFailed(str(error)) from error
    if rest := convert(b"", last=True):
        yield rest


def check(voice: str) -> None:
    """Check the name of a voice. Raises ``SpeechFailed``."""
    if not _VOICE.fullmatch(voice):
        raise SpeechFailed(
            f"The embedded voice knows no voiceId {voice[:40]!r}: give a language of espeak-ng, as"
            " en-us, de or fr, or one with a variant, as en-us+f3."
        )


def pieces(text: str) -> list[str]:
    """The text for espeak-ng: no control characters, no phonemes, no piece too long."""
    plain = " ".join(_UNSPOKEN.sub(" ", text[:MAX_TEXT]).replace("[[", "[ [").split())
    return textwrap.wrap(plain, MAX_PIECE, break_on_hyphens=False)


class _Convert(Protocol):
    def __call__(self, pcm: bytes, *, last: bool) -> bytes: ...


def _converter(sample_rate: int) -> _Convert:
    """A converter from espeak-ng's rate, without clicks between the pieces."""
    # it takes 0.1 s with the next, which a check of a voice's name need not wait for
    import numpy as np
    import soxr  # type: ignore[import-untyped]  # it has no types

    stream = soxr.ResampleStream(espeak_worker.RATE, sample_rate, 1, dtype="int16")

    def convert(pcm: bytes, *, last: bool) -> bytes:
        return bytes(stream.resample_chunk(np.frombuffer(pcm, np.int16), last=last).tobytes())

    return convert


async def preload() -> None:
    """Start the program and load the usual voice, before the first call needs them."""
    async for _ in speak("Ready.", 8000):
        pass
