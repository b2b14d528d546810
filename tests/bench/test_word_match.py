"""Which words of known sentences are in a sound."""

from __future__ import annotations

import numpy as np
import pytest

from bench.word_match import Samples, plain, words_in
from providers.common.audio import audioop, mulaw_to_pcm, pcm_to_mulaw
from tests.speech import RATE, SENTENCES, speech

HIGH = 24000
"""A voice's rate."""


def heard(samples: Samples) -> list[str]:
    return [each.word for each in words_in(samples)]


def on_the_phone(*names: str) -> Samples:
    """Sentences with a pause behind each, in the phone's format, on a line with noise."""
    pcm = b"".join(speech(name) + bytes(RATE) for name in names)
    samples = np.frombuffer(mulaw_to_pcm(pcm_to_mulaw(pcm)), "<i2").astype(np.float64)
    return samples + np.random.default_rng(1).normal(0, 30, len(samples))


def test_every_word_of_two_sentences_in_their_order() -> None:
    said = plain(f"{SENTENCES['book']} {SENTENCES['no']}")
    assert heard(on_the_phone("book", "no")) == said


def test_a_voice_of_another_rate() -> None:
    up, _ = audioop.ratecv(speech("six"), 2, 1, RATE, HIGH, None)
    down, _ = audioop.ratecv(up, 2, 1, HIGH, RATE, None)
    assert heard(np.frombuffer(down, "<i2").astype(np.float64)) == plain(SENTENCES["six"])


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_what_was_cut_is_not_found(share: float) -> None:
    samples = on_the_phone("book")
    samples[round(len(speech("book")) / 2 * share) :] = 0.0
    there, whole = heard(samples), plain(SENTENCES["book"])
    assert there == whole[: len(there)]
    letters = len("".join(there)) / len("".join(whole))
    assert share - 0.25 < letters <= share + 0.1  # most of a word is the word


def test_a_sentence_that_is_said_twice() -> None:
    assert heard(on_the_phone("two", "two")) == plain(SENTENCES["two"]) * 2


def test_silence_has_no_words() -> None:
    assert heard(np.zeros(RATE)) == []
    assert heard(np.random.default_rng(2).normal(0, 3000, RATE)) == []
