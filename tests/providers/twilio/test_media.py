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
from providers.twilio.media import MAX_MESSAGE, TwilioSerializer
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, STREAM_SID, frame, start

MULAW = bytes(range(160))
PAYLOAD = base64.b64encode(MULAW).decode()


def started() -> TwilioSerializer:
    codec = TwilioSerializer()
    codec.decode(start())
    return codec


def media(payload: Any, **more: Any) -> str:
    return frame("media", media={"track": "inbound", "payload": payload, **more})


def test_the_first_words() -> None:
    codec = TwilioSerializer()
    assert codec.decode('{"event": "connected", "protocol": "Call"}') == UnknownFrame("connected")
    assert codec.decode(start()) == StreamStart(
        STREAM_SID, CALL_SID, ACCOUNT_SID, 8000, {"callId": CALL_ID}
    )


@pytest.mark.parametrize("parameters", [{}, None])
def test_a_start_without_parameters(parameters: dict[str, str] | None) -> None:
    began = TwilioSerializer().decode(start(customParameters=parameters))
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
    codec = TwilioSerializer()
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
    codec = TwilioSerializer()
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
        codec = TwilioSerializer() if before else started()
        try:
            codec.decode(json.dumps({"event": event, "streamSid": STREAM_SID, event: value}))
        except BadRequest:
            continue


# ------------------------------------------------------------------ a stream, as Twilio prints it

STREAM: list[tuple[str, Frame]] = [
    # https://www.twilio.com/docs/voice/media-streams/websocket-messages
    ('{"event":"connected","protocol":"Call","version":"1.0.0"}', UnknownFrame("connected")),
    (start(), StreamStart(STREAM_SID, CALL_SID, ACCOUNT_SID, 8000, {"callId": CALL_ID})),
    # sequenceNumber, chunk and timestamp are texts; nothing here counts them
    (
        frame(
            "media",
            sequenceNumber="4",
            media={"track": "inbound", "chunk": "2", "timestamp": "5", "payload": PAYLOAD},
        ),
        Audio(audio.mulaw_to_pcm(MULAW)),
    ),
    # "inbound_track" here, "inbound" there
    (
        frame("dtmf", sequenceNumber="5", dtmf={"track": "inbound_track", "digit": "*"}),
        Digit("*"),
    ),
    (
        frame("mark", sequenceNumber="6", mark={"name": "first message"}),
        MarkPlayed("first message"),
    ),
    # the owner may have redirected the call: it does not say that the call is over
    (
        frame("stop", sequenceNumber="7", stop={"accountSid": ACCOUNT_SID, "callSid": CALL_SID}),
        StreamStop(),
    ),
]


def test_a_whole_stream() -> None:
    codec = TwilioSerializer()
    assert [codec.decode(message) for message, _ in STREAM] == [wanted for _, wanted in STREAM]


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_every_key_of_a_phone(digit: str) -> None:
    assert started().decode(frame("dtmf", dtmf={"digit": digit})) == Digit(digit)


@pytest.mark.parametrize("digit", ["a", "E", "", " ", "1 ", "\n1", "w"])
def test_no_other_key(digit: str) -> None:
    with pytest.raises(BadRequest, match="dtmf without a digit"):
        started().decode(frame("dtmf", dtmf={"digit": digit}))


@pytest.mark.parametrize("size", [0, 1, 160, 161, 4000])
def test_sound_of_any_length_is_heard(size: int) -> None:
    """160 bytes are usual and not promised."""
    heard = started().decode(media(base64.b64encode(MULAW[:1] * size).decode()))
    assert isinstance(heard, Audio)
    assert len(heard.pcm) == 2 * size


def test_a_message_of_the_longest_kind_and_one_more() -> None:
    empty = len(frame("levitate", padding=""))
    assert started().decode(frame("levitate", padding="x" * (MAX_MESSAGE - empty)))
    with pytest.raises(BadRequest, match="over 64 kB"):
        started().decode(frame("levitate", padding="x" * (MAX_MESSAGE - empty + 1)))


def test_a_message_of_another_stream_is_refused_whatever_it_is() -> None:
    other = "MZ" + "00" * 16
    for message, wanted in STREAM[2:]:
        with pytest.raises(BadRequest, match="of another stream"):
            started().decode(message.replace(STREAM_SID, other))
        with pytest.raises(BadRequest, match="before start"):
            TwilioSerializer().decode(message)
        assert started().decode(message) == wanted


@given(st.binary(max_size=400))
def test_what_is_sent_is_what_was_given(pcm: bytes) -> None:
    """Mu-law keeps 14 bits of 16; what it kept once it keeps for ever."""
    pcm = pcm[: len(pcm) // 2 * 2]
    messages = sent(started().audio(pcm))
    mulaw = b"".join(base64.b64decode(each["media"]["payload"]) for each in messages)
    assert mulaw == audio.pcm_to_mulaw(pcm)
    again = audio.mulaw_to_pcm(mulaw)
    assert audio.pcm_to_mulaw(again) == mulaw


@given(st.lists(st.binary(max_size=7), max_size=8))
def test_sound_is_neither_lost_nor_reordered(pieces: list[bytes]) -> None:
    codec = started()
    messages = [message for piece in pieces for message in codec.audio(piece)] + codec.flush()
    mulaw = b"".join(base64.b64decode(each["media"]["payload"]) for each in sent(messages))
    whole = b"".join(pieces)
    assert mulaw == audio.pcm_to_mulaw(whole + b"\0" * (len(whole) % 2))


@given(st.text())
def test_a_mark_comes_back_under_its_name(name: str) -> None:
    (message,) = sent(started().mark(name))
    assert started().decode(json.dumps(message)) == MarkPlayed(name)


def test_sockets_share_nothing() -> None:
    first, second = started(), TwilioSerializer()
    first.audio(b"\1")
    with pytest.raises(ValueError, match="start"):
        second.flush() or second.mark("m")


def test_a_refused_start_starts_nothing() -> None:
    """What follows it is refused too: the stream's id is not known."""
    codec = TwilioSerializer()
    with pytest.raises(BadRequest):
        codec.decode(start(callSid="CA1"))
    with pytest.raises(BadRequest, match="before start"):
        codec.decode(media(PAYLOAD))
    assert isinstance(codec.decode(start()), StreamStart)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_parameters_arrive_as_they_were_set(parameters: dict[str, str]) -> None:
    began = TwilioSerializer().decode(start(customParameters=parameters))
    assert isinstance(began, StreamStart)
    assert began.parameters == parameters


def test_a_sound_format_may_have_members_that_nobody_knows() -> None:
    more = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1, "bitDepth": 8}
    assert isinstance(TwilioSerializer().decode(start(mediaFormat=more)), StreamStart)
