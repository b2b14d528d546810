"""The program that listens: PocketSphinx with the US-English model of its wheel. Experimental.

A process of its own, because decoding holds the interpreter's lock: for seconds, in which no call
of the process would be heard. Run by its path: ``python -I embedded/pocketsphinx_worker.py``.

A line of JSON on stdin, ``{"phrases": [...], "bytes": N}``, and then N bytes of 16-bit mono PCM at
``RATE`` are one utterance. The answer on stdout is frames as in ``embedded/subprocess_worker.py``; its data is the text.

With phrases it hears one of them, or nothing, and takes other speech for one of them as a rule;
words to reject it with made it deaf to most phrases as well. Without phrases it takes dictation,
which is slower and mostly wrong on a phone line.

https://pocketsphinx.readthedocs.io/en/latest/pocketsphinx.html
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from collections.abc import Sequence
from typing import Any

RATE = 16000
"""Hz, of the model."""
DATA, END = b"d", b"e"
"""As in ``embedded/subprocess_worker.py``."""
MAX_GRAMMARS = 50
"""Kept ready; one per menu."""
EDGE = bytes(RATE // 5 * 2)
"""Silence (0.2 s) around what is heard: without it the first and the last word suffer."""
NICE = 5
"""The calls' sound goes before."""

_KNOWN = re.compile(r"[a-z]+(?:'[a-z]+)*(?: [a-z]+(?:'[a-z]+)*)*")
"""What the dictionary may have, and a grammar may hold."""


class Pocketsphinx:
    """The decoders, loaded when first needed: 0.5 s and 97 MB for dictation, less for phrases."""

    def __init__(self) -> None:
        self._dictation: Any = None
        self._phrases: Any = None
        self._grammars = dict[tuple[str, ...], str]()

    def hear(self, phrases: Sequence[str], pcm: bytes) -> str:
        """The text, or nothing."""
        decoder = self._spotting(tuple(phrases)) if phrases else self._dictating()
        if decoder is None:
            return ""
        decoder.start_utt()
        decoder.process_raw(EDGE + pcm + EDGE, full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        text = str(found.hypstr) if found else ""
        return text if not phrases or text in phrases else ""  # half a phrase is none

    def _dictating(self) -> Any:
        if self._dictation is None:
            self._dictation = _decoder()
        return self._dictation

    def _spotting(self, phrases: tuple[str, ...]) -> Any:
        """A decoder set to these phrases; None if it knows the words of none."""
        if self._phrases is None or len(self._grammars) > MAX_GRAMMARS:
            self._phrases, self._grammars = _decoder(lm=None), {}
        if phrases not in self._grammars:
            self._grammars[phrases] = self._add(phrases)
        name = self._grammars[phrases]
        if not name:
            return None
        self._phrases.activate_search(name)
        return self._phrases

    def _add(self, phrases: tuple[str, ...]) -> str:
        known = [each for each in phrases if self._knows(each)]
        if not known:
            return ""
        name = f"g{len(self._grammars)}"
        grammar = f"#JSGF V1.0; grammar {name}; public <said> = {' | '.join(known)} ;"
        self._phrases.add_jsgf_string(name, grammar)
        return name

    def _knows(self, phrase: str) -> bool:
        return bool(_KNOWN.fullmatch(phrase)) and all(
            self._phrases.lookup_word(word) is not None for word in phrase.split()
        )


def serve(listener: Pocketsphinx) -> None:
    """Answer until stdin is closed."""
    for stream in iter(sys.stdin.buffer.readline, b""):
        asked = json.loads(stream)
        text = listener.hear(asked["phrases"], sys.stdin.buffer.read(asked["bytes"]))
        if text:
            _send(DATA, text.encode())
        _send(END)


def _decoder(**options: Any) -> Any:
    from pocketsphinx import Decoder  # type: ignore[import-untyped]  # it has no types

    return Decoder(samprate=RATE, loglevel="FATAL", **options)


def _send(kind: bytes, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(struct.pack(">cI", kind, len(payload)) + payload)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    os.nice(NICE)
    serve(Pocketsphinx())
