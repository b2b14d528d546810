"""``python -m bench.word_vendors PORT``: slow vendors that understand, and speak, known sentences.

The transcriber returns the words that it finds in the sound (``bench.word_match``), and nothing that
did not reach it. The model answers one sentence with another, and the voice speaks its recording.
"""

from __future__ import annotations

import numpy as np

from bench.slow_vendors import Segment, SlowVendors
from bench.sounds import RATE
from bench.vendor_server import serve
from bench.word_match import words_in
from providers.common.audio import audioop
from tests.speech import RATE as SPEECH_RATE
from tests.speech import SENTENCES, speech

GREETING = SENTENCES["open"]
ANSWERS = ("six", "voicemail", "person")
"""Sentences of the assistant, in turn: none of the caller's."""
BY_TEXT = {text: name for name, text in SENTENCES.items()}


class WordVendors(SlowVendors):
    def __init__(self) -> None:
        super().__init__()
        self._answered = 0

    def understood(self, segment: Segment) -> str:
        """A word whose sound ends here, wherever it began."""
        whole, _ = audioop.ratecv(
            segment.before + segment.pcm, 2, 1, segment.rate, SPEECH_RATE, None
        )
        begins = len(segment.before) / 2 / segment.rate * SPEECH_RATE
        found = words_in(np.frombuffer(whole, "<i2").astype(np.float64))
        return " ".join(each.word for each in found if each.end > begins)

    def answer(self, said: str) -> str:
        self._answered += 1
        names = [ANSWERS[(self._answered + n) % len(ANSWERS)] for n in range(2)]
        return " ".join(SENTENCES[name] for name in names)

    def sound(self, text: str) -> bytes:
        return speech(BY_TEXT[text], RATE)


if __name__ == "__main__":
    serve(WordVendors().application())
