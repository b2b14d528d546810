"""Bytes that broke a parser once, or look as if they could; ``python -m bench.fuzz_parsers`` seeks more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import examples
from tests.service.parsers import PARSERS

BYTES = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # half a surrogate pair, as UTF-8 would have it
    b"%",
    b"%ff=%ff",
    b"a=1&a=2",
    b"CallStatus=&SequenceNumber=999999999&Timestamp=Mon, 99 Foo 9999 99:99:99 +9999",
    b"Timestamp=Mon, 01 Jan 0001 00:00:00 +2359",
    b"[" * 5000,
    b'{"a":' * 5000,
    b"1" * 5000,
    b"[1e999]",
    b"NaN",
    b'{"iat": 1e308, "jti": "x", "exp": -1e999}',
    b'{"status": {}, "timestamp": "0001-01-01T00:00:00+23:59", "uuid": []}',
    b'{"status": "completed", "duration": "1e400", "price": "NaN", "rate": "-Infinity"}',
    b'{"conversation_uuid_to": {"a": 1}, "type": "transfer"}',
    b'{"event": "media", "media": {"payload": "===="}}',
    b'{"event": "start", "start": {"mediaFormat": {"sampleRate": "8000"}, "customParameters": []}}',
    b'{"event": "websocket:connected", "content-type": "audio/l16;rate=99999999999999999999"}',
    b'{"\\ud800": "\\udc00"}',
]


@pytest.mark.parametrize("parser", PARSERS)
def test_bytes_are_refused_or_read(parser: str) -> None:
    for data in BYTES:
        PARSERS[parser](data)
        PARSERS[parser](b"\n" + data)


@pytest.mark.parametrize("parser", PARSERS)
@examples(20)
@given(data=st.binary(max_size=200))
def test_random_bytes_too(parser: str, data: bytes) -> None:
    PARSERS[parser](data)
