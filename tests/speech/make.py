"""Speaks every sentence into its file: ``python -m tests.speech.make``. Only for whoever adds one."""

from __future__ import annotations

import ctypes
import wave
from pathlib import Path

import espeakng_loader
import numpy as np
import soxr

from tests.speech import RATE, SENTENCES

SYNCHRONOUS = 2
UTF8 = 1
VOICE = b"en-us"
QUIET = 200
"""Samples below this, of 32767, are cut off at both ends."""

Heard = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Espeak:
    """The library as its header describes it: https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h"""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate: int = self._library.espeak_Initialize(SYNCHRONOUS, 0, data, 0)
        self._pcm = bytearray()
        self._heard = Heard(self._collect)
        self._library.espeak_SetSynthCallback(self._heard)
        self._library.espeak_SetVoiceByName(VOICE)

    def say(self, text: str) -> np.ndarray:
        """Samples at ``rate``."""
        self._pcm.clear()
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.frombuffer(bytes(self._pcm), dtype="<i2")

    def _collect(self, samples: object, count: int, _events: object) -> int:
        if samples and count:
            self._pcm += ctypes.string_at(samples, count * 2)  # type: ignore[arg-type]
        return 0


def main() -> None:
    """Write all files."""
    espeak = Espeak()
    for name, text in SENTENCES.items():
        samples = espeak.say(text)
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
        samples = soxr.resample(samples[loud[0] : loud[-1] + 1], espeak.rate, RATE)
        with wave.open(str(Path(__file__).parent / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.astype("<i2").tobytes())


if __name__ == "__main__":
    main()
