"""Removes noise from the caller's audio, before voice detection and transcriber hear it.

WebRTC's noise suppressor, by the package pywebrtc-audio. It takes 10 ms of 16 kHz; a telephone's
8 kHz are resampled for it. ``bench/denoise.py`` measures its cost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat.frames.frames import FilterControlFrame, FilterEnableFrame
from pywebrtc_audio import NoiseSuppressor

from app.domain.assistant.line_sound import Denoising
from app.vendors.common.resample import Converter

RATE = 16_000
FRAME_BYTES = RATE // 100 * 2
LEVELS = {Denoising.SMART: 2, Denoising.STRONG: 3}
"""The suppressor's: 0 is mild, 3 the strongest."""


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
        self._suppressor = NoiseSuppressor(sample_rate=RATE, num_channels=1, level=level)
        self._to, self._from = Converter(sample_rate, RATE), Converter(RATE, sample_rate)
        self._rest = b""

    def feed(self, audio: bytes) -> bytes:
        """The clean audio that is complete, at the call's rate."""
        whole = self._rest + self._to.feed(audio)
        size = len(whole) // FRAME_BYTES * FRAME_BYTES
        self._rest = whole[size:]
        if not size:
            return b""
        clean = self._suppressor.process(np.frombuffer(whole[:size], dtype=np.int16))
        return self._from.feed(np.asarray(clean, dtype=np.int16).tobytes())
