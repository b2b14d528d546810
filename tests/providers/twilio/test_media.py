"""Media Streams messages, both ways."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.media import (
    Audio,
    Digit,
    Frame,
    MarkPlayed,
    StreamStart,
    StreamStop,
    UnknownFrame,
)
from providers.common import audio
from providers.errors import BadRequest
from providers.testing.contract import CALL_ID
from providers.twilio.media import MAX_MESSAGE, TwilioCodec
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, STREAM_SID, frame, start

MULAW = bytes(range(160))
PAYLOAD = base64.b64encode(MULAW).decode()


def started() -> TwilioCodec:
    codec = TwilioCodec()
    codec.decode(start())
    return codec


def media(payload: Any, **more: Any) -> str:
    return frame("media", media={"track": "inbound", "payload": payload, **more})


def test_the_first_words() -> None:
    codec = TwilioCodec()
    assert codec.decode('{"event": "connected", "protocol": "Call"}') == UnknownFrame("connected")
    assert codec.decode(start()) == StreamStart(
        STREAM_SID, CALL_SID, ACCOUNT_SID, 8000, {"callId": CALL_ID}
    )


@pytest.mark.parametrize("parameters", [{}, None])
def test_a_start_without_parameters(parameters: dict[str, str] | None) -> None:
    began = TwilioCodec().decode(start(customParameters=parameters))
    assert isinstance(began, StreamStart)
    assert began.parameters == {}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (media(PAYLOAD), Audio(audio.mulaw_to_pcm(MULAW))),
        (media(""), Audio(b"")),
        # A bidirectional stream hears the caller only; our own voice must not come back.
        (media(PAYLOAD, track="outbound"), UnknownFrame("media of another track")),
        (frame("dtmf", dtmf={"track": "inbound_track", "digit": "1"}), Digit("1")),
        (frame("dtmf", dtmf={"digit": "#"}), Digit("#")),
        (frame("mark", mark={"name": "a b"}), MarkPlayed("a b")),
        (frame("stop", stop={"accountSid": ACCOUNT_SID, "callSid": CALL_SID}), StreamStop()),
        (frame("levitate"), UnknownFrame("levitate")),
        (frame("x" * 500), UnknownFrame("x" * 40)),  # a name for the log, not a novel
    ],
)
def test_a_message(message: str, expected: Frame) -> None:
    assert started().decode(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        b"\x00\x01",  # Media Streams are text
        start().encode(),
        start(),  # twice
        media("@@@@"),
        media("AAA"),  # cut off
        media(5),
        media(None),
        media("\u00e9"),
        frame("media"),
        frame("media", media=[PAYLOAD]),
        frame("dtmf", dtmf={"digit": "12"}),
        frame("dtmf", dtmf={"digit": 1}),
        frame("dtmf", dtmf={"digit": "\u0661"}),  # a digit, in Arabic
        frame("dtmf", dtmf={}),
        frame("mark", mark={"name": None}),
        frame("mark"),
        media(PAYLOAD).replace(STREAM_SID, "MZ" + "00" * 16),  # another stream
        json.dumps({"event": "stop"}),
        "x" * (MAX_MESSAGE + 1),
        '{"event": ' + "1" * 5000 + "}",  # longer than Python turns into a number
    ],
    ids=lambda message: ascii(message[:50]),
)
def test_what_twilio_cannot_have_sent(message: str | bytes) -> None:
    with pytest.raises(BadRequest):
        started().decode(message)


@pytest.mark.parametrize(
    "message",
    [
        start(streamSid="MZ1"),
        start(streamSid="MZ" + "00" * 16),  # not the one outside
        start(streamSid=None),
        start(callSid="CA1"),
        start(callSid=None),
        start(accountSid="AC1"),
        start(mediaFormat={"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1}),
        start(mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}),
        start(mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 2}),
        start(mediaFormat=None),
        start(customParameters=["callId"]),
        frame("start"),
        media(PAYLOAD),  # sound before start
        frame("stop"),
    ],
)
def test_a_start_that_is_none(message: str) -> None:
    codec = TwilioCodec()
    with pytest.raises(BadRequest):
        codec.decode(message)
    with pytest.raises(ValueError):
        codec.mark("still not started")


def sent(messages: list[str | bytes]) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages]


def test_what_we_send() -> None:
    codec = started()
    pcm = audio.mulaw_to_pcm(MULAW)
    (message,) = sent(codec.audio(pcm))
    assert message == {
        "event": "media",
        "streamSid": STREAM_SID,
        "media": {"payload": base64.b64encode(audio.pcm_to_mulaw(pcm)).decode()},
    }
    assert sent(codec.mark("m")) == [
        {"event": "mark", "streamSid": STREAM_SID, "mark": {"name": "m"}}
    ]
    assert sent(codec.clear()) == [{"event": "clear", "streamSid": STREAM_SID}]


@pytest.mark.parametrize("send", ["audio", "mark", "clear"])
def test_nothing_is_sent_before_the_start(send: str) -> None:
    codec = TwilioCodec()
    arguments: dict[str, list[Any]] = {"audio": [b"\0\0"], "mark": ["m"], "clear": []}
    with pytest.raises(ValueError, match="start"):
        getattr(codec, send)(*arguments[send])


def test_half_a_sample_waits_for_its_other_half() -> None:
    codec = started()
    assert codec.audio(b"\x01") == []
    assert len(codec.audio(b"\x02\x03")) == 1
    assert len(codec.flush()) == 1
    assert codec.flush() == []


def test_a_clear_forgets_the_half_sample() -> None:
    codec = started()
    codec.audio(b"\x01")
    codec.clear()
    assert codec.flush() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    event=st.sampled_from(["start", "media", "dtmf", "mark", "stop", "connected"]),
    inner=JSON,
    members=st.dictionaries(st.sampled_from(["payload", "track", "digit", "name"]), JSON),
    before=st.booleans(),
)
def test_any_members_are_a_frame_or_a_bad_request(
    event: str, inner: Any, members: dict[str, Any], before: bool
) -> None:
    for value in (inner, members):
        codec = TwilioCodec() if before else started()
        try:
            codec.decode(json.dumps({"event": event, "streamSid": STREAM_SID, event: value}))
        except BadRequest:
            continue
