"""The recorded sentences are what they say: long enough to hold speech, loud, small on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.common.audio import audioop
from tests.speech import RATE, SENTENCES, seconds, speech

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_is_heard_at_both_carriers_rates(name: str) -> None:
    for rate in (RATE, 2 * RATE):
        pcm = speech(name, rate)
        assert 0.3 < seconds(pcm, rate) < 2
        assert audioop.rms(pcm, 2) > 1000


def test_files_are_small_and_all_known() -> None:
    files = list(FOLDER.glob("*.wav"))
    assert {file.stem for file in files} == set(SENTENCES)
    assert sum(file.stat().st_size for file in files) < 200_000
