"""What noise suppression costs a call, and what it leaves of noise and voice.

``python -m bench.denoise`` prints a line for each rate and level. Other libraries were measured
once; docs/assistants.md has their figures.
"""

from __future__ import annotations

import asyncio
import time

import numpy as np
from numpy.typing import NDArray

from app.assistants.local.sound.denoise import Denoiser
from app.domain.assistant.line_sound import Denoising
from tests.speech import SENTENCES, speech

PAUSE_SECONDS = 1.5
PIECE_SECONDS = 0.04
NOISE = 300.0
"""Standard deviation of the noise, of 32767: a loud room."""
REPEATS = 5


Samples = NDArray[np.float64]


def level(samples: Samples) -> float:
    """The mean level in dB."""
    return float(20 * np.log10(np.sqrt(np.mean(samples**2)) + 1e-9))


def material(rate: int) -> tuple[Samples, NDArray[np.bool_]]:
    """Sentences with noise, and where a sentence is."""
    pause = np.zeros(int(PAUSE_SECONDS * rate))
    sentences = [np.frombuffer(speech(name, rate), np.int16) for name in SENTENCES]
    parts = [part for each in sentences for part in (pause, each)]
    voiced = [np.full(len(part), part is not pause) for part in parts]
    whole: Samples = np.concatenate(parts).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, NOISE, len(whole))
    return np.clip(whole + noise, -32768, 32767), np.concatenate(voiced)


async def denoise(pcm: bytes, rate: int, denoising: Denoising) -> bytes:
    denoiser = Denoiser(denoising)
    await denoiser.start(rate)
    step = int(PIECE_SECONDS * rate) * 2
    pieces = [await denoiser.filter(pcm[at : at + step]) for at in range(0, len(pcm), step)]
    return b"".join(pieces)


def main() -> None:
    print(f"{'kHz':>4} {'level':>7} {'of a core':>10} {'noise, dB':>16} {'voice, dB':>16}")
    for rate in (8000, 16000):
        noisy, voiced = material(rate)
        pcm = noisy.astype("<i2").tobytes()
        for denoising in (Denoising.SMART, Denoising.STRONG):
            before = time.process_time()
            for _ in range(REPEATS):
                clean = np.frombuffer(asyncio.run(denoise(pcm, rate, denoising)), np.int16)
            spent = (time.process_time() - before) / REPEATS
            size = len(clean)
            shares = [
                f"{level(noisy[:size][where]):.1f} -> {level(clean[where].astype(float)):.1f}"
                for where in (~voiced[:size], voiced[:size])
            ]
            cost = f"{100 * spent / (len(noisy) / rate):.2f} %"
            name = denoising.name.lower()
            print(f"{rate // 1000:>4} {name:>7} {cost:>10} {shares[0]:>16} {shares[1]:>16}")


if __name__ == "__main__":
    main()
