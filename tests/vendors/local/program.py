"""The other end of the pipe: it answers as the programs of this machine do, without a model.

``python -I -S program.py KIND [TEXT]``; the kinds are the functions below.
"""

from __future__ import annotations

import array
import json
import struct
import sys
from typing import Any

DATA, REFUSED, END = b"d", b"x", b"e"
SPOKEN = 2.0
"""Seconds of each text."""


def send(kind: bytes, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(struct.pack(">cI", kind, len(payload)) + payload)
    sys.stdout.buffer.flush()


def hears(asked: dict[str, Any], sound: bytes) -> None:
    """The text that it was started with, or what it was asked."""
    text = json.dumps({**asked, "level": max(sound, default=0)})
    send(DATA, (sys.argv[2] if len(sys.argv) > 2 else text).encode())


def speaks(asked: dict[str, Any], sound: bytes) -> None:
    """A square wave of 22,050 Hz, in two pieces of which the first ends within a sample."""
    wave = array.array("h", [8000 if at // 50 % 2 else -8000 for at in range(int(22050 * SPOKEN))])
    pcm = wave.tobytes()
    for piece in (pcm[:10_001], pcm[10_001:]):
        send(DATA, piece)


def refuses(asked: dict[str, Any], sound: bytes) -> None:
    send(REFUSED, b"RuntimeError: the model is broken")


def dies(asked: dict[str, Any], sound: bytes) -> None:
    sys.exit(1)


KINDS = {each.__name__: each for each in (hears, speaks, refuses, dies)}

if __name__ == "__main__":
    for line in iter(sys.stdin.buffer.readline, b""):
        told = json.loads(line)
        KINDS[sys.argv[1]](told, sys.stdin.buffer.read(told.get("bytes", 0)))
        send(END)
