"""Bodies: what JSON allows comes through unchanged, everything else is a 400 and never a 500."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.routes.errors import ApiError
from app.routes.json_body import MAX_DEPTH, MAX_INT, MAX_KEYS, MIN_INT, parse
from tests.properties import with_one_store
from tests.routes.api import Api, refused

REFUSED: list[tuple[bytes, str]] = [
    (b"{", "Expecting property name"),
    (b"", "Expecting value"),
    (b"{} {}", "Extra data"),
    (b'{"a": 1,}', "at line 1 column"),
    (b"{'a': 1}", "Expecting property name"),
    (b'"\xff"', "byte 1 is not UTF-8"),
    # a byte order mark, and UTF-16, which Python's own parser would guess
    (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM"),
    ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
    # no numbers
    (b'{"a": NaN}', "NaN is not a number"),
    (b'{"a": -Infinity}', "-Infinity is not a number"),
    (b'{"a": [1e999]}', "a number is out of range"),
    # no database holds them
    (b'{"a": 9223372036854775808}', "an integer is out of range"),
    (b'{"a": -9223372036854775809}', "an integer is out of range"),
    (b'{"a": ' + b"9" * 5000 + b"}", "an integer is out of range"),
    # no text either
    (b'{"a": "\\u0000"}', "NUL"),
    (b'{"\\u0000": 1}', "NUL"),
    (b'{"a": "\\ud800"}', "half a surrogate pair"),
    (b'["\\udc00\\ud800"]', "half a surrogate pair"),
    (b'{"a": "\x00"}', "Invalid control character"),
    # two meanings
    (b'{"a": 1, "b": {"c": 1, "c": 1}}', "key 'c' is repeated"),
    (b'{"a": 1, "\\u0061": 2}', "key 'a' is repeated"),
    # too much
    (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper than 32 levels"),
    (b"[" * 100_000, "nested deeper than 32 levels"),
    (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper than 32 levels"),
    (json.dumps(dict.fromkeys(map(str, range(MAX_KEYS + 1)))).encode(), "more than 1000 keys"),
]


@pytest.mark.parametrize(("body", "why"), REFUSED)
def test_refused(body: bytes, why: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(body)
    assert caught.value.status == 400
    assert why in str(caught.value.message)


TAKEN: list[Any] = [
    {},
    {"a": MAX_INT, "b": MIN_INT, "c": 1.5e300, "d": None, "e": True},
    {"a": "\U0001f600 \u202e \x7f"},  # a whole pair, written as two escapes
    json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH),
    dict.fromkeys(map(str, range(MAX_KEYS)), 0),
]


@pytest.mark.parametrize("value", TAKEN)
def test_taken(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(MIN_INT, MAX_INT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values)
def test_json_comes_through(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


SCRAPS = rb'{ } [ ] : , " "a" 1 - 1e999 NaN null true .5 99999999999999999999 \u0000 \ud800'.split()
fragments = st.lists(st.sampled_from([*SCRAPS, b"\xff", b"\x00", b" "]), max_size=12).map(b"".join)


@given(st.binary(max_size=60) | fragments)
def test_garbage_is_a_400_at_most(body: bytes) -> None:
    with suppress(ApiError):
        parse(body)


@with_one_store()
@given(body=st.binary(max_size=60) | fragments | json_values.map(lambda v: json.dumps(v).encode()))
def test_no_body_breaks_a_route(api: Api, body: bytes) -> None:
    answer = api.post("/call", data=body, content_type="application/json")
    assert answer.status_code == 400


WORDS = ("assistant", "assistantId", "customer", "number", "phoneNumber", "metadata", "server")
known_fields = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner),
    max_leaves=15,
).filter(lambda value: isinstance(value, dict))


@with_one_store()
@given(body=known_fields, path=st.sampled_from(["/call", "/assistant", "/phone-number"]))
def test_no_value_of_a_known_field_breaks_a_route(api: Api, body: Any, path: str) -> None:
    assert api.post(path, body).status_code in {201, 400}


@pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null"])
def test_the_body_is_an_object(api: Api, body: bytes) -> None:
    answer = api.post("/call", data=body, content_type="application/json")
    assert refused(answer) == "the body must be a JSON object"


@pytest.mark.parametrize("path", ["/call", "/call/phone", "/assistant", "/credential"])
def test_a_body_is_wanted(api: Api, path: str) -> None:
    assert refused(api.post(path)) == "the request has no body: send a JSON object"
