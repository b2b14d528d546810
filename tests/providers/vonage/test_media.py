"""The media socket's messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.media import Audio, Cleared, Digit, Frame, MarkPlayed, StreamStart, UnknownFrame
from providers.errors import BadRequest
from providers.vonage.media import MAX_MESSAGE, OWN_FIELDS, VonageSerializer

CONNECTED = {
    "event": "websocket:connected",
    "content-type": "audio/l16;rate=16000",
    "callId": "c1",
    "prefs": {"language": "en"},
}


def decoded(message: Any) -> Frame:
    """Dictionaries become JSON text."""
    return VonageSerializer().decode(json.dumps(message) if isinstance(message, dict) else message)


# ------------------------------------------------------------------ in


def test_the_first_message() -> None:
    parameters = {"callId": "c1", "prefs": {"language": "en"}}
    assert decoded(CONNECTED) == StreamStart(None, None, None, 16000, parameters)


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_the_rate_is_the_one_vonage_names(rate: int) -> None:
    codec = VonageSerializer()
    start = codec.decode(json.dumps(CONNECTED | {"content-type": f"audio/L16; rate={rate}"}))
    assert isinstance(start, StreamStart)
    assert start.sample_rate == codec.sample_rate == rate
    assert len(codec.audio(bytes(rate * 2))) == 50  # 20 ms each


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        (b"\x01\x02" * 320, Audio(b"\x01\x02" * 320)),
        (b"", Audio(b"")),
        (b"\0" * 65536, Audio(b"\0" * 65536)),
        ({"event": "websocket:dtmf", "digit": "5", "duration": 260}, Digit("5")),
        ({"event": "websocket:dtmf", "digit": "#"}, Digit("#")),
        ({"event": "websocket:dtmf", "digit": "A"}, Digit("A")),
        ({"event": "websocket:notify", "payload": {"mark": "m1"}}, MarkPlayed("m1")),
        ({"event": "websocket:notify", "payload": {"theirs": 1}}, UnknownFrame("websocket:notify")),
        ({"event": "websocket:notify"}, UnknownFrame("websocket:notify")),
        ({"event": "websocket:cleared"}, Cleared()),
        ({"event": "websocket:media:update"}, UnknownFrame("websocket:media:update")),
        ({"event": "x" * 500}, UnknownFrame("x" * 100)),
        (' {"event":"websocket:cleared"}', Cleared()),  # some gateways begin with a space
    ],
)
def test_messages(message: Any, frame: Frame) -> None:
    assert decoded(message) == frame


@pytest.mark.parametrize(
    "message",
    [
        b"\0",  # half a sample
        b"\0" * 65538,
        "x" * 65537,
        "",
        "hello",
        "[]",
        "null",
        "{}",
        "[" * 60_000,
        {"event": None},
        {"event": ["websocket:connected"]},
        {"event": "websocket:connected"},
        {"event": "websocket:connected", "content-type": "audio/l16;rate=44100"},
        {"event": "websocket:connected", "content-type": 16000},
        {"event": "websocket:dtmf"},
        {"event": "websocket:dtmf", "digit": 5},
        {"event": "websocket:dtmf", "digit": "55"},
        {"event": "websocket:dtmf", "digit": "5\n"},
        {"event": "websocket:dtmf", "digit": "٥"},
    ],
)
def test_what_vonage_cannot_have_sent(message: Any) -> None:
    with pytest.raises(BadRequest):
        decoded(message)


EVENTS = st.sampled_from(
    ["websocket:connected", "websocket:dtmf", "websocket:notify", "websocket:cleared"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["event", "content-type", "digit", "payload", "mark"])


def tried(message: str | bytes) -> None:
    """Decoded, or refused as a bad request: nothing else may happen."""
    try:
        VonageSerializer().decode(message)
    except BadRequest:
        return


@given(st.binary() | st.text())
def test_any_message(message: str | bytes) -> None:
    tried(message)


@given(st.dictionaries(NAMES, EVENTS | JSON))
def test_any_fields(fields: dict[str, Any]) -> None:
    tried(json.dumps(fields))


# ------------------------------------------------------------------ out


def test_frames_of_exactly_20_ms() -> None:
    codec = VonageSerializer()
    assert codec.audio(b"a" * 639) == []
    assert codec.audio(b"b" * 2) == [b"a" * 639 + b"b"]
    assert codec.audio(b"c" * 1280) == [b"b" + b"c" * 639, b"c" * 640]
    assert codec.flush() == [b"c" + b"\0" * 639]
    assert codec.flush() == []


@given(st.lists(st.binary(max_size=2000), max_size=10))
def test_sound_is_neither_lost_nor_reordered(pieces: list[bytes]) -> None:
    codec = VonageSerializer()
    frames = [frame for piece in pieces for frame in codec.audio(piece)]
    frames += codec.flush()
    sent = b"".join(frame for frame in frames if isinstance(frame, bytes))
    whole = b"".join(pieces)
    assert {len(frame) for frame in frames} <= {640}
    assert sent[: len(whole)] == whole
    assert len(sent) - len(whole) < 640
    assert not sent[len(whole) :].strip(b"\0")


@given(st.text())
def test_a_mark_comes_back_under_its_name(name: str) -> None:
    (message,) = VonageSerializer().mark(name)
    fields = json.loads(message)
    assert fields["action"] == "notify"
    back = {"event": "websocket:notify", "payload": fields["payload"]}
    assert decoded(back) == MarkPlayed(name)


def test_clear_drops_what_is_kept() -> None:
    codec = VonageSerializer()
    codec.audio(b"a" * 100)
    (message,) = codec.clear()
    assert json.loads(message) == {"action": "clear"}
    assert codec.flush() == []


def test_sockets_share_nothing() -> None:
    first, second = VonageSerializer(), VonageSerializer()
    first.audio(b"a" * 100)
    assert second.flush() == []


# ------------------------------------------------------------------ a socket, as Vonage prints it

SOCKET: list[tuple[Any, Frame]] = [
    # https://developer.vonage.com/en/voice/voice-api/concepts/websockets
    # first message: the endpoint's headers lie flat beside Vonage's own two fields
    (
        CONNECTED,
        StreamStart(None, None, None, 16000, {"callId": "c1", "prefs": {"language": "en"}}),
    ),
    (b"\x00\x01" * 320, Audio(b"\x00\x01" * 320)),  # 20 ms of the mix of all other legs
    ({"event": "websocket:dtmf", "digit": "5", "duration": 260}, Digit("5")),
    ({"event": "websocket:notify", "payload": {"mark": "m1"}}, MarkPlayed("m1")),
    ({"event": "websocket:cleared"}, Cleared()),
    # there is no word for the end: the socket closes
]


def test_a_whole_socket() -> None:
    codec = VonageSerializer()
    for message, wanted in SOCKET:
        text = json.dumps(message) if isinstance(message, dict) else message
        assert codec.decode(text) == wanted


def test_sound_before_the_first_message_is_sound() -> None:
    """Vonage's order is not promised: the rate is the one that our NCCO asked for."""
    codec = VonageSerializer()
    assert codec.sample_rate == 16000
    assert codec.decode(b"\x00\x01") == Audio(b"\x00\x01")


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_every_key_of_a_phone(digit: str) -> None:
    assert decoded({"event": "websocket:dtmf", "digit": digit}) == Digit(digit)


@pytest.mark.parametrize("digit", ["a", "E", "", " ", "1 ", "p"])
def test_no_other_key(digit: str) -> None:
    with pytest.raises(BadRequest, match="no phone has"):
        decoded({"event": "websocket:dtmf", "digit": digit})


@pytest.mark.parametrize(
    ("content_type", "rate"),
    [
        ("audio/l16;rate=8000", 8000),
        ("audio/l16;rate=16000", 16000),
        ("audio/l16;rate=24000", 24000),
        ("audio/l16; rate=16000", 16000),
        ("AUDIO/L16;RATE=8000", 8000),
        ("audio/l16;rate=48000", None),  # no rate of Vonage's
        ("audio/l16;rate=8000;channels=2", None),
        ("audio/l16", None),
        ("audio/pcmu;rate=8000", None),
        ("xaudio/l16;rate=8000", None),
        ("audio/l16;rate=80000", None),
    ],
)
def test_the_sound_that_is_announced(content_type: str, rate: int | None) -> None:
    codec = VonageSerializer()
    message = json.dumps(CONNECTED | {"content-type": content_type})
    if rate is None:
        with pytest.raises(BadRequest, match="known rate"):
            codec.decode(message)
        assert codec.sample_rate == 16000
        return
    start = codec.decode(message)
    assert isinstance(start, StreamStart)
    assert (start.sample_rate, codec.sample_rate) == (rate, rate)
    assert [len(frame) for frame in codec.audio(bytes(rate // 25))] == [rate // 25]  # 20 ms


def test_our_headers_come_back_and_vonages_fields_do_not() -> None:
    start = decoded({**CONNECTED, "headers": {"a": 1}, "list": [1, 2]})
    assert isinstance(start, StreamStart)
    assert start.parameters == {
        "callId": "c1",
        "prefs": {"language": "en"},
        "headers": {"a": 1},
        "list": [1, 2],
    }


@pytest.mark.parametrize(
    ("payload", "frame"),
    [
        ({"mark": ""}, MarkPlayed("")),
        ({"mark": "m", "more": 1}, MarkPlayed("m")),
        ({"mark": 5}, UnknownFrame("websocket:notify")),
        ({}, UnknownFrame("websocket:notify")),
        ([], UnknownFrame("websocket:notify")),
        ("mark", UnknownFrame("websocket:notify")),
        (None, UnknownFrame("websocket:notify")),
    ],
)
def test_a_notify_that_is_not_ours_is_no_mark(payload: Any, frame: Frame) -> None:
    assert decoded({"event": "websocket:notify", "payload": payload}) == frame


@pytest.mark.parametrize(
    ("kind", "most"), [(bytes, b"\0" * MAX_MESSAGE), (str, '{"event": "x"}'.ljust(MAX_MESSAGE))]
)
def test_a_message_of_the_longest_kind_and_one_more(kind: type, most: Any) -> None:
    assert VonageSerializer().decode(most)
    more = most + (b"\0\0" if kind is bytes else " ")
    with pytest.raises(BadRequest, match="over 64 kB"):
        VonageSerializer().decode(more)


@given(st.sampled_from([8000, 16000, 24000]), st.lists(st.binary(max_size=999), max_size=6))
def test_every_frame_is_exactly_20_ms_at_every_rate(rate: int, pieces: list[bytes]) -> None:
    codec = VonageSerializer()
    codec.decode(json.dumps(CONNECTED | {"content-type": f"audio/l16;rate={rate}"}))
    frames = [frame for piece in pieces for frame in codec.audio(piece)] + codec.flush()
    assert {len(frame) for frame in frames} <= {rate // 50 * 2}
    assert codec.flush() == []


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_headers_arrive_as_they_were_set(headers: dict[str, Any]) -> None:
    fields = {name: value for name, value in headers.items() if name not in OWN_FIELDS}
    text = json.dumps({**fields, **{name: CONNECTED[name] for name in OWN_FIELDS}})
    start = VonageSerializer().decode(text)
    assert isinstance(start, StreamStart)
    assert json.dumps(start.parameters) == json.dumps(fields)
