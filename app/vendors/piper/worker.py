"""The program that speaks: Piper, whose licence (GPL-3) keeps it in a process of its own.

It is run by its path, and imports none of our modules: ``python -I piper/worker.py THREADS``. It
opens no connection.

A line of JSON on stdin is a text to speak::

    {"text", "speed", "voice": {"name", "model": {"path", "sha256"}, "config": {"path", "sha256"}}}

A ``sha256`` may be absent; a file with another one is refused. The response on stdout is frames as
in ``common/subprocess_worker.py``, whose data is 16-bit mono PCM at the voice's rate.

https://github.com/OHF-Voice/piper1-gpl
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# As in ``common/subprocess_worker.py``.
DATA, REFUSED, END = b"d", b"x", b"e"
# The calls' audio has priority.
NICE = 5
# Bytes of one frame.
BATCH = 32_000


class Refused(Exception):
    """The text cannot be spoken; the message says why."""


class Piper:
    """The voices, each loaded when it is first needed."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._voices = dict[str, Any]()

    def speak(self, text: str, voice: dict[str, Any], speed: float) -> Iterator[bytes]:
        """Yield the PCM of each sentence. Raises ``Refused``."""
        from piper.config import SynthesisConfig

        loaded = self._loaded(voice)
        how = SynthesisConfig(length_scale=loaded.config.length_scale / speed)
        for chunk in loaded.synthesize(text, how):
            yield chunk.audio_int16_bytes

    def _loaded(self, voice: dict[str, Any]) -> Any:
        if voice["name"] not in self._voices:
            self._voices[voice["name"]] = self._load(voice)
        return self._voices[voice["name"]]

    def _load(self, voice: dict[str, Any]) -> Any:
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        session = onnxruntime.InferenceSession(
            _content(voice["model"]), sess_options=options, providers=["CPUExecutionProvider"]
        )
        config = PiperConfig.from_dict(json.loads(_content(voice["config"])))
        return PiperVoice(session=session, config=config)


def serve(piper: Piper) -> None:
    """Answer requests until stdin is closed."""
    for stream in iter(sys.stdin.buffer.readline, b""):
        asked = json.loads(stream)
        try:
            for pcm in piper.speak(asked["text"], asked["voice"], asked["speed"]):
                for at in range(0, len(pcm), BATCH):
                    _send(DATA, pcm[at : at + BATCH])
        except Exception as error:  # also what the libraries raise: the next request may do
            _send(REFUSED, f"{type(error).__name__}: {error}".encode())
        _send(END)


def _content(file: dict[str, str]) -> bytes:
    data = Path(file["path"]).read_bytes()
    if "sha256" in file and hashlib.sha256(data).hexdigest() != file["sha256"]:
        raise Refused(f"{file['path']} is not what it was: install its package again")
    return data


def _send(kind: bytes, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(struct.pack(">cI", kind, len(payload)) + payload)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bridge, which ends its calls
    os.nice(NICE)
    serve(Piper(int(sys.argv[1])))
