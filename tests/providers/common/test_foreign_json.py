"""What needs no walk is what the walk would leave alone."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.common import foreign_json

PIECES = '{ } [ ] : , " "a" "\\u0000" "\\ud800" "\\n" 1e999 -1e400 1.5e3 0.1 -7 true null 9E+400'
texts = st.lists(st.sampled_from([*PIECES.split(" "), " ", "9" * 400 + ".5"]), max_size=9)


def _walked(text: str) -> Any:
    return foreign_json.clean(json.loads(text, parse_constant=foreign_json._no_constant))


@given(texts.map("".join))
@example("1e999")
@example('{"a":-1e400}')
@example("[0.5e9999]")
@example("[" + "9" * 400 + ".5]")
@example("[" * 33 + "]" * 33)
@example("[" * 34 + "]" * 34)
def test_the_short_way_gives_what_the_walk_gives(text: str) -> None:
    wanted = None
    with suppress(ValueError):
        wanted = (_walked(text),)
    if wanted is None:
        with pytest.raises(ValueError):
            foreign_json.parse(text)
    else:
        assert foreign_json.parse(text) == foreign_json.parse(text.encode()) == wanted[0]
