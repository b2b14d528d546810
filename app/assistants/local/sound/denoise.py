"""Removes noise from the caller's audio, before voice detection and transcriber hear it.

WebRTC's noise suppressor, by the package pywebrtc-audio. It takes 10 ms of 16 kHz or more; a
telephone's 8 kHz are doubled for it. soxr would hold back 0.2 s of so short pieces, and the filter
here 3 ms. ``bench/denoise.py`` measures its cost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat.frames.frames import FilterControlFrame, FilterEnableFrame
from pywebrtc_audio import NoiseSuppressor

from app.domain.assistant.line_sound import Denoising

Samples = NDArray[np.float32]

RATES = (16_000, 32_000, 48_000)
"""What the suppressor takes. Half of each is doubled."""
LEVELS = {Denoising.SMART: 2, Denoising.STRONG: 3}
"""The suppressor's: 0 is mild, 3 the strongest."""
TAPS = 47
"""Of the low pass at half the band, a windowed sinc: 60 dB down where the images are."""
LOW_PASS: Samples = np.asarray(
    np.sinc((np.arange(TAPS) - TAPS // 2) / 2) / 2 * np.kaiser(TAPS, 6.0), dtype=np.float32
)


class Denoiser(BaseAudioFilter):
    """A filter of pipecat's input transport."""

    def __init__(self, denoising: Denoising) -> None:
        self._level = LEVELS[denoising]
        self._enabled = True
        self._denoise: Callable[[bytes], bytes] = lambda audio: audio

    async def start(self, sample_rate: int) -> None:
        self._denoise = _Suppressor(sample_rate, self._level).feed

    async def stop(self) -> None:
        return

    async def process_frame(self, frame: FilterControlFrame) -> None:
        if isinstance(frame, FilterEnableFrame):
            self._enabled = frame.enable

    async def filter(self, audio: bytes) -> bytes:
        return self._denoise(audio) if self._enabled else audio


class _Suppressor:
    """One call's suppressor."""

    def __init__(self, sample_rate: int, level: int) -> None:
        self._doubles = sample_rate not in RATES
        rate = sample_rate * 2 if self._doubles else sample_rate
        self._suppressor = NoiseSuppressor(sample_rate=rate, num_channels=1, level=level)
        self._frame = rate // 100
        self._up = self._down = np.zeros(TAPS - 1, np.float32)
        self._rest = np.zeros(0, np.float32)

    def feed(self, audio: bytes) -> bytes:
        """The clean audio that is complete, at the call's rate."""
        given = np.frombuffer(audio, dtype="<i2").astype(np.float32)
        whole = np.concatenate([self._rest, self._doubled(given) if self._doubles else given])
        size = len(whole) // self._frame * self._frame
        self._rest = whole[size:]
        if not size:
            return b""
        clean = np.asarray(self._suppressor.process(_pcm(whole[:size])), dtype=np.float32)
        return _pcm(self._halved(clean) if self._doubles else clean).tobytes()

    def _doubled(self, samples: Samples) -> Samples:
        spread = np.zeros(2 * len(samples), np.float32)
        spread[::2] = 2 * samples
        spread = np.concatenate([self._up, spread])
        self._up = spread[1 - TAPS :]
        return np.convolve(spread, LOW_PASS, "valid")

    def _halved(self, samples: Samples) -> Samples:
        samples = np.concatenate([self._down, samples])
        self._down = samples[1 - TAPS :]
        return np.convolve(samples, LOW_PASS, "valid")[::2]


def _pcm(samples: Samples) -> NDArray[np.int16]:
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2")
