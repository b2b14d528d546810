"""The program that recognises speech: PocketSphinx with its wheel's US-English model. Experimental.

It is a process of its own, because decoding holds the interpreter's lock for seconds, which would
silence every call. It is run by its path: ``python -I embedded/pocketsphinx_worker.py``.

An utterance is a line of JSON on stdin, ``{"phrases": [...], "bytes": N}``, and N bytes of 16-bit
mono PCM at ``RATE``. The response on stdout is frames as in ``common/subprocess_worker.py``; its
data is the text.

With phrases it recognises one of them, or nothing, and mostly takes other speech for one of them.
Reject words did not help: with them it missed most phrases as well. Without phrases it takes
dictation, which is slower and mostly wrong on a phone line.

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

# Hz, of the model.
RATE = 16000
# As in ``common/subprocess_worker.py``.
DATA, END = b"d", b"e"
# Grammars kept ready; one per menu.
MAX_GRAMMARS = 50
# Silence (0.2 s) around an utterance. Without it the first and the last word suffer.
EDGE = bytes(RATE // 5 * 2)
# The calls' audio has priority.
NICE = 5

# Phrases that the dictionary may have, and a grammar may hold.
_KNOWN = re.compile(r"[a-z]+(?:'[a-z]+)*(?: [a-z]+(?:'[a-z]+)*)*")


class Pocketsphinx:
    """The decoders, loaded when first needed: 0.5 s and 97 MB for dictation, less for phrases."""

    def __init__(self) -> None:
        self._dictation: Any = None
        self._phrases: Any = None
        self._grammars = dict[tuple[str, ...], str]()

    def hear(self, phrases: Sequence[str], pcm: bytes) -> str:
        """The text, or ""."""
        decoder = self._spotting(tuple(phrases)) if phrases else self._dictating()
        if decoder is None:
            return ""
        decoder.start_utt()
        decoder.process_raw(EDGE + pcm + EDGE, full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        text = str(found.hypstr) if found else ""
        return text if not phrases or text in phrases else ""  # half a phrase does not count

    def _dictating(self) -> Any:
        if self._dictation is None:
            self._dictation = _decoder()
        return self._dictation

    def _spotting(self, phrases: tuple[str, ...]) -> Any:
        """A decoder for these phrases; None if it knows the words of none."""
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
    """Answer requests until stdin is closed."""
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
