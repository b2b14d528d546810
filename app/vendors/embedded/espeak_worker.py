"""The program that speaks: espeak-ng, whose licence (GPL-3) keeps it in a process of its own.

It is run by its path, and imports neither our modules nor installed packages: ``python -I -S
embedded/espeak_worker.py [LIBRARY DATA]``. Without the two arguments it uses the system's library.

A line of JSON on stdin is a text to speak: ``{"text", "voice", "wpm"}``. The response on stdout is
frames as in ``common/subprocess_worker.py``, whose data is 16-bit mono PCM at ``RATE``.

https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from collections.abc import Callable
from typing import Any

# Hz, of all voices that espeak-ng makes itself.
RATE = 22050
# As in ``common/subprocess_worker.py``.
DATA, REFUSED, END = b"d", b"x", b"e"
SYSTEM_LIBRARIES = ("libespeak-ng.so.1", "libespeak-ng.so", "libespeak-ng.dylib")

# Constants of speak_lib.h: AUDIO_OUTPUT_SYNCHRONOUS, espeakCHARS_UTF8, espeakENDPAUSE, espeakRATE.
# espeakSSML and espeakPHONEMES are not set, so the text is read out as it is.
SYNCHRONOUS, UTF8, END_PAUSE, SPEED = 2, 1, 0x1000, 1
# How much audio the library delivers at a time.
PIECE_MS = 60
# Bytes of audio per frame after the first piece, which is sent at once: half a second.
BATCH = RATE

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Voice(ctypes.Structure):
    """The head of ``espeak_VOICE``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),
        ("identifier", ctypes.c_char_p),
    )


class Refused(Exception):
    """The text cannot be spoken; the message says why."""


class Espeak:
    """The library, ready to speak."""

    def __init__(self, library: str | None, data: str | None) -> None:
        self._library = _load(library)
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        rate = self._library.espeak_Initialize(
            SYNCHRONOUS, PIECE_MS, data.encode() if data else None, 0
        )
        if rate != RATE:
            raise Refused(f"espeak-ng does not start (it answers {rate}): its data is missing.")
        self._heard: Callable[[bytes], None] = _nobody
        self._callback = _Callback(self._take)  # stored, because the library does not
        self._library.espeak_SetSynthCallback(self._callback)
        self._languages = dict[str, str]()
        self._voice = ""

    def speak(self, text: str, voice: str, wpm: int, heard: Callable[[bytes], None]) -> None:
        """Speak, and pass the audio on as it is made. Raises ``Refused``."""
        self._take_voice(voice)
        self._library.espeak_SetParameter(SPEED, wpm, 0)
        data = text.encode()
        self._heard = heard
        failed = self._library.espeak_Synth(
            data, len(data) + 1, 0, 1, 0, UTF8 | END_PAUSE, None, None
        )
        if failed:
            raise Refused(f"espeak-ng refuses the text (error {failed}).")

    def _take_voice(self, voice: str) -> None:
        """Set the voice by name, or by language: not every language (en-gb) is a voice's name."""
        if voice == self._voice:
            return
        language, plus, variant = voice.partition("+")
        for name in (voice, self._of_language(language) + plus + variant):
            if name and self._library.espeak_SetVoiceByName(name.encode()) == 0:
                self._voice = voice
                return
        raise Refused(f"espeak-ng has no voice {voice!r}.")

    def _of_language(self, language: str) -> str:
        if not self._languages:
            listed = self._library.espeak_ListVoices(None)
            index = 0
            while listed[index]:
                found = listed[index].contents
                for name in _strings(found.languages):
                    self._languages.setdefault(name, found.identifier.decode())
                index += 1
        return self._languages.get(language.lower(), "")

    def _take(self, sound: Any, samples: int, _: Any) -> int:
        if sound and samples > 0:
            self._heard(ctypes.string_at(sound, samples * 2))
        return 0


def serve(espeak: Espeak) -> None:
    """Answer requests until stdin is closed."""
    for stream in sys.stdin.buffer:
        asked, out = json.loads(stream), _Batches()
        try:
            espeak.speak(asked["text"], asked["voice"], asked["wpm"], out.take)
        except Refused as error:
            _send(REFUSED, str(error).encode())
        out.flush()
        _send(END)


class _Batches:
    """Sends the first piece at once, and the rest in fewer and larger ones."""

    def __init__(self) -> None:
        self._first, self._held = True, bytearray()

    def take(self, pcm: bytes) -> None:
        self._held += pcm
        if self._first or len(self._held) >= BATCH:
            self._first = False
            self.flush()

    def flush(self) -> None:
        if self._held:
            _send(DATA, bytes(self._held))
            self._held.clear()


def _send(kind: bytes, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(struct.pack(">cI", kind, len(payload)) + payload)
    sys.stdout.buffer.flush()


def _load(library: str | None) -> Any:
    for name in (library,) if library else SYSTEM_LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise Refused(
        "There is no espeak-ng: install the Python package espeakng-loader, or espeak-ng."
    )


def _strings(languages: Any) -> list[str]:
    """``espeak_VOICE.languages``: a priority byte and a name each, and an empty one at the end."""
    names, at = list[str](), 0
    while languages and languages[at] != b"\0":
        name = ctypes.string_at(ctypes.addressof(languages.contents) + at + 1)
        names.append(name.decode())
        at += len(name) + 2
    return names


def _nobody(pcm: bytes) -> None:
    """Drop audio from before the first text."""


if __name__ == "__main__":
    serve(Espeak(*(sys.argv[1:3] if len(sys.argv) > 2 else (None, None))))
