"""The program that recognises speech: faster-whisper on CTranslate2, with 8-bit weights.

It is a process of its own, because its threads would silence every call, and it may be killed. It
is run by its path: ``python -I whisper/worker.py THREADS``. It opens no connection.

An utterance is a line of JSON on stdin, and N bytes of 16-bit mono PCM at ``RATE``::

    {"model": {"name", "path" or "files"}, "language": "en" or null, "bytes": N}

``files`` are names with their parts, each with a ``path`` and the ``sha256`` that it must have. The
response on stdout is frames as in ``common/subprocess_worker.py``; its data is the text.

https://github.com/SYSTRAN/faster-whisper
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any

# Hz, of the model.
RATE = 16000
# As in ``common/subprocess_worker.py``.
DATA, REFUSED, END = b"d", b"x", b"e"
# Less exact than 32 bits by a hair, a third of the memory, twice as fast.
COMPUTE = "int8"
# The calls' audio has priority.
NICE = 5
# Frames of a spectrogram in a second, those that the model was trained with, and the fewest here.
FRAMES, WHOLE, FEWEST = 100, 3000, 1000
# Seconds of silence behind an utterance. With less Whisper says some of them again and again.
REST = 5
# Tokens of a second of speech, at most: what is longer repeats itself.
TOKENS = 12
# What is probably no speech: OpenAI's own bounds. Of noise Whisper makes sentences.
NO_SPEECH, UNSURE = 0.6, -1.0


class Refused(Exception):
    """The request cannot be served; the message says why."""


class Whisper:
    """The models, each loaded when it is first needed."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._models = dict[str, Any]()
        self._frames = WHOLE

    def hear(self, model: dict[str, Any], language: str | None, pcm: bytes) -> str:
        """The text, or "". Raises ``Refused``."""
        import numpy as np

        loaded, sound = self._loaded(model), np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
        if not len(sound):
            return ""
        frames = (len(sound) // RATE + 1 + REST) * FRAMES
        text = self._text(loaded, sound, language, min(max(frames, FEWEST), WHOLE))
        return self._text(loaded, sound, language, WHOLE) if repeats(text) else text

    def _text(self, loaded: Any, sound: Any, language: str | None, frames: int) -> str:
        """The text, where the model looks at so many frames."""
        self._frames = frames
        segments, _ = loaded.transcribe(
            sound,
            language=language,
            beam_size=1,  # a wider beam costs time and mends little in a sentence
            temperature=0.0,  # no second attempt
            condition_on_previous_text=False,
            without_timestamps=True,
            max_new_tokens=TOKENS * min(len(sound) // RATE + 2, WHOLE // FRAMES),
        )
        return " ".join(each.text.strip() for each in segments if _is_speech(each))

    def _loaded(self, model: dict[str, Any]) -> Any:
        if model["name"] not in self._models:
            self._models[model["name"]] = self._load(model)
        return self._models[model["name"]]

    def _load(self, model: dict[str, Any]) -> Any:
        os.environ["HF_HUB_OFFLINE"] = "1"  # a file that is missing is not downloaded
        from faster_whisper import WhisperModel

        files = {name: _joined(parts) for name, parts in model.get("files", {}).items()}
        loaded = WhisperModel(
            model.get("path") or model["name"],
            device="cpu",
            compute_type=COMPUTE,
            cpu_threads=self._threads,
            local_files_only=True,
            files=files or None,
        )
        self._fit(loaded)
        return loaded

    def _fit(self, loaded: Any) -> None:
        """Let it look at the utterance only, not at 30 seconds: a short one takes a quarter."""
        encode = loaded.encode
        loaded.encode = lambda features: encode(features[..., : self._frames])


def serve(whisper: Whisper) -> None:
    """Answer requests until stdin is closed."""
    for stream in iter(sys.stdin.buffer.readline, b""):
        asked = json.loads(stream)
        sound = sys.stdin.buffer.read(asked["bytes"])
        try:
            text = whisper.hear(asked["model"], asked["language"], sound)
        except Exception as error:  # also what the libraries raise: the next request may do
            _send(REFUSED, f"{type(error).__name__}: {error}".encode())
        else:
            _send(DATA, text.encode())
        _send(END)


def repeats(text: str) -> bool:
    """Whether it is one phrase again and again, as Whisper sometimes makes of one that was said."""
    said = text.lower().split()
    return any(said[at:] == said[:-at] for at in range(1, len(said) // 2 + 1))


def _is_speech(segment: Any) -> bool:
    return bool(segment.no_speech_prob < NO_SPEECH or segment.avg_logprob > UNSURE)


def _joined(parts: list[dict[str, str]]) -> bytes:
    """The content of a file that comes in parts. Raises ``Refused`` for another content."""
    whole = []
    for part in parts:
        data = Path(part["path"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != part["sha256"]:
            raise Refused(f"{part['path']} is not what it was: install its package again")
        whole.append(data)
    return b"".join(whole)


def _send(kind: bytes, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(struct.pack(">cI", kind, len(payload)) + payload)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bridge, which ends its calls
    os.nice(NICE)
    serve(Whisper(int(sys.argv[1])))
