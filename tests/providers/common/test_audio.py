"""Mu-law and PCM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.common import audio


@given(data=st.binary(max_size=400))
def test_mulaw_survives_the_way_there_and_back(data: bytes) -> None:
    pcm = audio.mulaw_to_pcm(data)
    assert len(pcm) == 2 * len(data)
    again = audio.pcm_to_mulaw(pcm)
    # Mu-law has two zeroes; the negative one comes back as the positive one.
    assert again == data.replace(b"\x7f", b"\xff")


@pytest.mark.parametrize(
    ("mulaw", "sample"),
    [
        # The table of G.711: sign, exponent, mantissa, all bits inverted.
        (0xFF, 0),
        (0x7F, 0),
        (0x80, 32124),
        (0x00, -32124),
        (0xFE, 8),
        (0x8F, 16764),
    ],
)
def test_known_samples(mulaw: int, sample: int) -> None:
    pcm = audio.mulaw_to_pcm(bytes([mulaw]))
    assert int.from_bytes(pcm, "little", signed=True) == sample


@given(pcm=st.binary(max_size=401))
def test_an_odd_byte_is_dropped(pcm: bytes) -> None:
    assert len(audio.pcm_to_mulaw(pcm)) == len(pcm) // 2


@pytest.mark.parametrize(
    ("milliseconds", "rate", "length"),
    [(20, 8000, 320), (20, 16000, 640), (0, 8000, 0), (1, 8000, 16), (1000, 8000, 16000)],
)
def test_silence(milliseconds: int, rate: int, length: int) -> None:
    assert audio.silence(milliseconds, rate) == bytes(length)
