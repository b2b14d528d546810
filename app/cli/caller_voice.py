"""The voice of a simulated caller: words as a WAV file, by espeak-ng where no other is given."""

from __future__ import annotations

import asyncio
import tempfile
import wave
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from providers.common.audio import SAMPLE_WIDTH
from providers.simulation.script import Speak
from providers.simulation.timeline import SimulatorError

# Another speaker than the embedded voice's default, so that a recording has two people in it.
VOICE = "en-us+f3"
# Hz; a carrier's line has this or less.
RATE = 16_000


# Words, and hertz -> 16-bit mono PCM.
Spoken = Callable[[str, int], Awaitable[bytes]]


@contextmanager
def caller_voice(spoken: Spoken | None = None) -> Iterator[Speak]:
    """What makes files of words. The files are deleted afterwards. ``spoken``: another voice."""
    with tempfile.TemporaryDirectory(prefix="patchbay-caller-") as directory:
        made: list[Path] = []

        def speak(text: str) -> Path:
            path = Path(directory, f"{len(made)}.wav")
            _write(path, asyncio.run(_pcm(spoken or _spoken, text)))
            made.append(path)
            return path

        yield speak


async def _pcm(spoken: Spoken, text: str) -> bytes:
    try:
        return await spoken(text, RATE)
    except SimulatorError:
        raise
    except Exception as error:  # each voice has its own
        raise SimulatorError(f"the caller cannot say {text!r}: {error}") from error


async def _spoken(text: str, rate: int) -> bytes:
    from app.vendors.embedded.espeak import SpeechFailed, speak

    try:
        return b"".join([pcm async for pcm in speak(text, rate, voice=VOICE)])
    except SpeechFailed as error:
        raise SimulatorError(f"the caller cannot say {text!r}: {error}") from error


def _write(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, SAMPLE_WIDTH, RATE, 0, "NONE", ""))
        file.writeframes(pcm)
