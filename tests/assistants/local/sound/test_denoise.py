"""The caller's noise is removed, and the caller is not."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from pipecat.frames.frames import FilterEnableFrame

from app.assistants.local.sound.denoise import Denoiser
from app.domain.assistant.line_sound import Denoising
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.speech import speech

SECONDS = 3


def level(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(float) ** 2)) + 1e-9))


def denoised(pcm: bytes, rate: int, *, enabled: bool = True) -> np.ndarray:
    async def run() -> bytes:
        denoiser = Denoiser(Denoising.STRONG)
        await denoiser.start(rate)
        await denoiser.process_frame(FilterEnableFrame(enable=enabled))
        step = rate // 25 * 2
        pieces = [await denoiser.filter(pcm[at : at + step]) for at in range(0, len(pcm), step)]
        await denoiser.stop()
        return b"".join(pieces)

    return np.frombuffer(asyncio.run(run()), np.int16)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_noise_is_softer_and_speech_is_not(rate: int) -> None:
    noise = np.random.default_rng(1).normal(0, 300, SECONDS * rate)
    voice = np.frombuffer(speech("book", rate), np.int16)
    silence = np.zeros(SECONDS * rate, np.int16)
    whole = np.concatenate([silence, voice])
    noisy = whole + np.resize(noise, len(whole))
    clean = denoised(noisy.astype(np.int16).tobytes(), rate)
    assert 0 <= len(whole) - len(clean) < 0.02 * rate  # what the filter still holds
    quiet, loud = slice(2 * rate, SECONDS * rate - rate // 2), slice(SECONDS * rate, len(clean))
    assert level(clean[quiet]) < level(noisy[quiet]) - 8
    assert level(clean[loud]) > level(noisy[loud]) - 3


def test_a_filter_that_is_off_changes_nothing() -> None:
    voice = speech("yes")
    assert denoised(voice, 8000, enabled=False).tobytes() == voice


@on_loop
async def test_a_call_with_it() -> None:
    assistant = {"firstMessage": "Hi.", "backgroundDenoisingEnabled": True}
    async with vendors("Yes.") as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await call.said("AI: Hi.")
        call.say("yes")
        await call.said("User: Yes.\nAI: Good morning to you.")
