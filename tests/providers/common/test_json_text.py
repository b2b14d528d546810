"""JSON, compared with the standard library's: the same values, the same errors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.common import foreign_json, json_text

ASCII = partial(json_text.dumps, ascii_only=True)
TEXTS = st.text(st.characters(exclude_categories=()))  # NUL and lone surrogates too
PLAIN = st.text()
INTEGERS = st.integers(-(2**80), 2**80)


def values(
    texts: st.SearchStrategy[str], numbers: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | INTEGERS | numbers | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


SCRAPS = [
    *("{", "}", "[", "]", ":", ",", '"a"', '"', "\\", "1", "-0", "-", "+1", "01", ".5", "1.", "e5"),
    *("1e5", "1e-5", "1e999", "-1e999", "NaN", "-Infinity", "Infinity", "-NaN", "nul", "null"),
    *("true", "99999999999999999999", "9" * 4301, '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"'),
    *("\\ud800", " ", "\t", "\f", "\u00a0", "\ufeff", "\x00", "\ud800", "\u00e9", '"\x01"'),
    *("[" * 150, "]" * 150, "[" * 3000, "]" * 3000),
]
FRAGMENTS = st.lists(st.sampled_from(SCRAPS), max_size=8).map("".join)


def result(read: Callable[[Any], Any], text: str | bytes) -> str:
    """What reading gives, as text: it shows the type of a number, and the sign of a zero."""
    try:
        return repr(read(text))
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"


# ------------------------------------------------------------------ reading


@given(FRAGMENTS | values(TEXTS, st.floats()).map(json.dumps))
def test_a_text_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert result(json_text.loads, text) == result(json.loads, text)


@given(
    st.binary(max_size=40)
    | FRAGMENTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | values(PLAIN, st.floats()).map(lambda value: json.dumps(value).encode("utf-16"))
)
def test_bytes_are_read_as_the_standard_library_reads_them(data: bytes) -> None:
    assert result(json_text.loads, data) == result(json.loads, data)


def test_the_last_of_a_repeated_key_counts() -> None:
    assert json_text.loads('{"a": 1, "a": 2}') == {"a": 2}


# ------------------------------------------------------------------ writing


@given(values(TEXTS, st.floats(allow_nan=False)))
def test_what_is_written_is_read_again(value: Any) -> None:
    for text in (json_text.dumps(value), ASCII(value)):
        assert json.loads(text) == value


@given(values(PLAIN, st.floats(-1e15, 1e15).map(lambda number: round(number, 3))))
def test_the_bytes_are_the_standard_librarys(value: Any) -> None:
    """But for the exponent of a number, ``0.00001`` for ``1e-05``, and for DEL, which it escapes."""
    wide = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert json_text.dumps(value) == wide
    ascii_only = json.dumps(value, separators=(",", ":")).replace("\\u007f", "\x7f")
    assert ASCII(value) == ascii_only


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": "\u00e9"}, ["a", ["\ud83d"]]], ids=ascii)
def test_half_a_surrogate_pair_is_escaped(value: Any) -> None:
    assert json_text.dumps(value) == json.dumps(value, separators=(",", ":"))
    assert ASCII(value) == json_text.dumps(value)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_is_no_number_is_written_as_python_names_it(number: float) -> None:
    assert json_text.dumps([number]) == json.dumps([number])
    assert ASCII([number]) == json.dumps([number])


def test_keys_keep_their_order_and_become_texts() -> None:
    assert json_text.dumps({"b": 1, "a": 2, 3: 4, True: 5}) == '{"b":1,"a":2,"3":4,"true":5}'


def test_deep_nesting_is_written_and_read() -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    assert json_text.loads(json_text.dumps(deep)) == deep
    assert json_text.dumps(deep) == ASCII(deep)


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError):
        json_text.dumps(circle)
    with pytest.raises(ValueError):
        ASCII(circle)


@pytest.mark.parametrize("write", [json_text.dumps, ASCII])
def test_an_object_of_ours_is_not_json(write: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        write(object())


# ------------------------------------------------------------------ JSON of others


def strict(data: str | bytes) -> Any:
    """``foreign_json.parse`` by the standard library alone."""
    read = json.loads(
        data, parse_constant=foreign_json._no_constant, parse_float=foreign_json._finite
    )
    return foreign_json.clean(read)


@given(FRAGMENTS | values(TEXTS, st.floats()).map(json.dumps))
def test_others_json_is_read_as_the_standard_library_reads_it(text: str) -> None:
    def parse_or_deep(data: str | bytes) -> Any:
        try:
            return strict(data)
        except RecursionError:
            raise foreign_json.NestedTooDeeply("nested too deeply") from None

    assert result(foreign_json.parse, text) == result(parse_or_deep, text)


@pytest.mark.parametrize("text", ["1e999", "[-1e999]", '{"a": 1e999}', "NaN", "[Infinity]"])
def test_others_numbers_are_finite(text: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(ValueError, match="is no number"):
            foreign_json.parse(data)


@pytest.mark.parametrize(("depth", "good"), [(32, True), (33, False), (300, False), (5000, False)])
def test_others_nesting_is_bounded(depth: int, good: bool) -> None:
    data = b"[" * depth + b"1" + b"]" * depth
    if good:
        foreign_json.parse(data)
        return
    with pytest.raises(foreign_json.NestedTooDeeply):
        foreign_json.parse(data)


@pytest.mark.parametrize(
    ("data", "clean"),
    [
        (b'{"a\\u0000b": ["\\u0000", "\\ud800", 7]}', {"a\ufffdb": ["\ufffd", "\ufffd", 7]}),
        (b'"\\ud83d\\ude00\\u0001\\u00a0"', "\U0001f600\x01\u00a0"),  # odd, and can be stored
    ],
)
def test_what_no_database_holds_is_replaced(data: bytes, clean: Any) -> None:
    assert foreign_json.parse(data) == clean
