"""The media socket of a browser or a program: its sound, its messages, and what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.media import (
    Audio,
    ClientMessage,
    Digit,
    Frame,
    MarkPlayed,
    StreamStop,
    UnknownFrame,
)
from providers.common.audio import mulaw_to_pcm, pcm_to_mulaw
from providers.errors import BadRequest
from providers.web.media import FORMATS, MAX_MESSAGE, PcmSerializer

FRAMES: list[tuple[Any, Frame]] = [
    ({"type": "end-call"}, StreamStop()),
    ({"type": "mark", "name": "a"}, MarkPlayed("a")),
    ({"type": "mark"}, UnknownFrame("mark")),
    ({"type": "dtmf", "digit": "#"}, Digit("#")),
    ({"type": "dtmf", "digit": "12"}, UnknownFrame("dtmf")),
    ({"type": "dtmf", "digit": ["1"]}, UnknownFrame("dtmf")),
    ({"type": "say", "content": "a"}, ClientMessage({"type": "say", "content": "a"})),
    ({"type": "transfer"}, UnknownFrame("transfer")),
    ({"type": "x" * 500}, UnknownFrame("x" * 100)),
]
REFUSED: list[str | bytes] = [
    "",
    "a",
    "[]",
    "{}",
    '{"type": 5}',
    "[" * 9000,
    b"odd",
    b"\0" * (MAX_MESSAGE + 2),
    "x" * (MAX_MESSAGE + 1),
]


@pytest.mark.parametrize(("message", "frame"), FRAMES)
def test_a_message_is_a_frame(message: Any, frame: Frame) -> None:
    assert PcmSerializer().decode(json.dumps(message)) == frame


@pytest.mark.parametrize("message", REFUSED, ids=lambda message: repr(message[:10]))
def test_rubbish_is_refused(message: str | bytes) -> None:
    with pytest.raises(BadRequest):
        PcmSerializer().decode(message)


@given(st.text() | st.binary())
def test_nothing_else_goes_wrong(message: str | bytes) -> None:
    with suppress(BadRequest):
        PcmSerializer().decode(message)


@pytest.mark.parametrize("name", FORMATS)
def test_sound_goes_both_ways(name: str) -> None:
    serializer = FORMATS[name]()
    assert serializer.sample_rate == int(name.split()[1])
    pcm = mulaw_to_pcm(pcm_to_mulaw(b"\x10\x20" * 160))
    (message,) = serializer.audio(pcm)
    assert serializer.decode(message) == Audio(pcm)
    assert (serializer.audio(b""), serializer.flush()) == ([], [])


def test_a_mark_comes_back_as_it_was_sent() -> None:
    (mark,) = PcmSerializer().mark("patchbay:end")
    assert PcmSerializer().decode(mark) == MarkPlayed("patchbay:end")
    assert PcmSerializer().clear() == ['{"type": "clear"}']
