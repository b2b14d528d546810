"""WAV files: their format, and a mono mix. They are long, so they are read in pieces."""

from __future__ import annotations

import wave
from pathlib import Path

from providers.common import audio

FRAMES = 64 * 1024
"""Frames that are read at once."""
MOST_SILENCE = 3600.0
"""Seconds. A clock that was set must not fill the disk: an hour has 230 MB."""


class InvalidWav(Exception):
    """The file is not 16-bit PCM in one or two channels."""


def channels(path: Path) -> int:
    """The number of channels, 1 or 2. Raises ``InvalidWav``."""
    try:
        with wave.open(str(path), "rb") as sound:
            found, width = sound.getnchannels(), sound.getsampwidth()
    except (wave.Error, EOFError) as error:
        raise InvalidWav(f"not a WAV file of PCM: {error}") from error
    if found not in (1, 2) or width != audio.SAMPLE_WIDTH:
        raise InvalidWav(f"{found} channels of {8 * width} bits")
    return found


def mix(stereo: Path, mono: Path) -> None:
    """Mix both channels of ``stereo`` into ``mono``, at the same sample rate."""
    with wave.open(str(stereo), "rb") as source, wave.open(str(mono), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(audio.SAMPLE_WIDTH)
        target.setframerate(source.getframerate())
        while frames := source.readframes(FRAMES):
            target.writeframes(audio.mono(frames))


def seconds(path: Path) -> float:
    """The file's duration. Raises ``InvalidWav``."""
    try:
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes() / sound.getframerate()
    except (wave.Error, EOFError) as error:
        raise InvalidWav(f"not a WAV file of PCM: {error}") from error


def join(first: Path, between: float, second: Path, whole: Path) -> None:
    """Join files, with seconds of silence between them, an hour at most. Raises ``InvalidWav``."""
    with (
        wave.open(str(first), "rb") as one,
        wave.open(str(second), "rb") as other,
        wave.open(str(whole), "wb") as target,
    ):
        if one.getparams()[:3] != other.getparams()[:3]:
            raise InvalidWav("the call's sockets differ in their rate of samples")
        target.setparams(one.getparams())
        _copy(one, target)
        silent = max(0, round(min(between, MOST_SILENCE) * one.getframerate()))
        width = one.getnchannels() * one.getsampwidth()
        while silent > 0:
            target.writeframes(bytes(min(silent, FRAMES) * width))
            silent -= FRAMES
        _copy(other, target)


def _copy(source: wave.Wave_read, target: wave.Wave_write) -> None:
    while frames := source.readframes(FRAMES):
        target.writeframes(frames)
