"""A spreadsheet runs no text of a caller."""

from __future__ import annotations

import pytest

from app.dashboard.export import _cell


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-2+3", "+cmd|' /C calc'!A0", "\t=1"])
def test_a_formula_becomes_a_text(text: str) -> None:
    assert _cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["+14155550100", "Reception", "", 3, 0.5, None])
def test_all_else_stays(value: object) -> None:
    assert _cell(value) == value
