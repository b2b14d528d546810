"""``backgroundSound``: a sound under the assistant's voice, for as long as the call lasts.

It goes to the carrier alone. Recordings, supervisors and the transcript have the assistant's words
without it. https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

import asyncio
import io

import httpx2
import numpy as np
import soundfile  # type: ignore[import-untyped]  # it ships no types
import soxr  # type: ignore[import-untyped]  # it ships no types

from app.assistants.local.sound.office import office
from app.domain.assistant.line_sound import OFF, OFFICE
from app.media.stream import MediaStream
from app.net.httpx_client import make_client
from app.net.types import Addresses
from app.telemetry.call_log import call_log
from providers.common.audio import audioop

FILE_BYTES = 5 * 1024 * 1024
FILE_SECONDS = 120
"""Of a longer file the beginning is played."""
FETCH_SECONDS = 10.0
FULL_SCALE_DB = -30.0
"""Mean level of a client's file on the line. A file that is softer stays as it is."""
LEAD_SECONDS = 0.06
"""Sent ahead while the assistant is silent. Its voice waits for this, so it is short."""
STEP_SECONDS = 0.04

log = call_log(__name__)


class BackgroundSound:
    """A loop of 16-bit mono PCM."""

    def __init__(self, pcm: bytes) -> None:
        self._pcm = pcm
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        taken = b""
        while len(taken) < size:
            piece = self._pcm[self._at : self._at + size - len(taken)]
            self._at = (self._at + len(piece)) % len(self._pcm)
            taken += piece
        return taken

    def under(self, voice: bytes) -> bytes:
        """The voice with the sound under it."""
        return audioop.add(voice, self.take(len(voice)), 2)


async def play(stream: MediaStream, name: str, addresses: Addresses) -> None:
    """Play ``off``, ``office`` or a URL's file until cancelled. A file that fails is silence."""
    pcm = await _load(name, stream.sample_rate, addresses)
    if not pcm:
        return
    sound = BackgroundSound(pcm)
    stream.under = sound.under
    try:
        while True:
            missing = LEAD_SECONDS - stream.buffered_seconds
            if missing > 0:
                await stream.send_under(int(missing * stream.sample_rate) * 2)
            await asyncio.sleep(STEP_SECONDS)
    finally:
        stream.under = None


async def _load(name: str, rate: int, addresses: Addresses) -> bytes:
    if name == OFF:
        return b""
    if name == OFFICE:
        return await asyncio.to_thread(office, rate)
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return await asyncio.to_thread(decode, await _fetch(name, addresses), rate)
    except (httpx2.HTTPError, TimeoutError, soundfile.LibsndfileError, ValueError) as error:
        log.warning("backgroundSound is not played: %s", str(error)[:200] or "too slow")
        return b""


async def _fetch(url: str, addresses: Addresses) -> bytes:
    """Raises ``ValueError`` for an answer that is no file, or too long."""
    async with (
        make_client(FETCH_SECONDS, addresses, keep_seconds=0) as client,
        client.stream("GET", url) as response,
    ):
        if response.status_code != httpx2.codes.OK:
            raise ValueError(f"its server answered {response.status_code}")
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > FILE_BYTES:
                raise ValueError(f"the file has more than {FILE_BYTES} bytes")
    return body


def decode(body: bytes, rate: int) -> bytes:
    """WAV, MP3, FLAC or OGG as 16-bit mono PCM at ``rate``. Raises soundfile's errors."""
    with soundfile.SoundFile(io.BytesIO(body)) as file:
        given = file.samplerate
        samples = file.read(FILE_SECONDS * given, dtype="float32", always_2d=True).mean(axis=1)
    if not len(samples):
        raise ValueError("the file has no sound")
    level = float(np.sqrt(np.mean(samples**2)))
    gain = min(1.0, 10 ** (FULL_SCALE_DB / 20) / level) if level else 0.0
    resampled = soxr.resample(samples * gain, given, rate)
    return bytes((np.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes())
