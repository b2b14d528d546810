"""Finds the words of known sentences in sound, with numpy and none of the bridge's code.

A word is the piece of its sentence that its letters take. It is found where the sound correlates
with the piece. So a word that was cut, muted or dropped on the way is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.speech import SENTENCES, speech

Samples = NDArray[np.float64]
ALIKE = 0.8
"""Correlation from which on a piece counts as heard; 1 is the same sound."""


class Found(NamedTuple):
    """A word of a sentence, and the samples between which it is."""

    at: int
    end: int
    sentence: str
    number: int
    word: str


def words_in(samples: Samples) -> list[Found]:
    """All words of ``SENTENCES`` in sound of 8 kHz, in the order of their time."""
    found = [each for name in SENTENCES for each in _of_sentence(samples, name)]
    return sorted(found)


def _of_sentence(samples: Samples, name: str) -> Iterator[Found]:
    for number, (word, piece) in enumerate(pieces(name)):
        for at in _places(samples, piece):
            if len(word) > 1:
                yield Found(at, at + len(piece), name, number, word)


@cache
def pieces(name: str) -> list[tuple[str, Samples]]:
    """A sentence's words, each with its share of the sound."""
    sound = np.frombuffer(speech(name), "<i2").astype(np.float64)
    words = spelled(SENTENCES[name])
    ends = np.cumsum([len(word) for word in words]) / sum(map(len, words))
    edges = [0, *(round(end * len(sound)) for end in ends)]
    return [(word, sound[edges[n] : edges[n + 1]]) for n, word in enumerate(words)]


def _places(samples: Samples, piece: Samples) -> Iterator[int]:
    """Where the piece is: peaks of the normalised correlation, a piece's length apart."""
    size = len(piece)
    if len(samples) < size:
        return
    length = 1 << (len(samples) + size).bit_length()
    spectrum = np.fft.rfft(samples, length) * np.conj(np.fft.rfft(piece, length))
    products = np.fft.irfft(spectrum, length)[: len(samples) - size + 1]
    power = np.concatenate(([0.0], np.cumsum(samples**2)))
    energy = np.sqrt(np.maximum(power[size:] - power[:-size], 1.0))
    alike = products / (energy * np.sqrt(np.sum(piece**2)))
    while (at := int(np.argmax(alike))) >= 0 and alike[at] >= ALIKE:
        yield at
        alike[max(0, at - size // 2) : at + size // 2] = 0.0


def spelled(text: str) -> list[str]:
    """A text's words without signs, in lower case."""
    kept = "".join(each if each.isalnum() or each.isspace() else "" for each in text.lower())
    return kept.split()


def plain(text: str) -> list[str]:
    """The words that count: those of one letter are too short to be found."""
    return [word for word in spelled(text) if len(word) > 1]
