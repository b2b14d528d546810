"""``{{templates}}``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assistants.local.templates import fill, values

CALL = {"id": "c1", "type": "inboundPhoneCall", "customer": {"number": "+14155550123"}}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {{name}}.", "Hello Ann."),
        ("{{ name }}{{name}}", "AnnAnn"),  # spaces, and twice
        ("{{customer.number}}", "+14155550123"),  # what every call has
        ("{{order.items.count}}", "3"),  # any depth
        ("{{nobody}}", "{{nobody}}"),  # unknown: it is heard in the first test
        ("{{order}}", "{{order}}"),  # no text
        ("{{name", "{{name"),  # no template
        ("{{vip}}", "true"),  # as JSON writes it
        ("{{none}}", "{{none}}"),
        ("{{name | upcase}}", "{{name | upcase}}"),  # filters are not known
    ],
)
def test_fill(text: str, filled: str) -> None:
    own = {"name": "Ann", "order": {"items": {"count": 3}}, "vip": True, "none": None}
    assert fill(text, values(own, CALL)) == filled


def test_the_overrides_values_win() -> None:
    assert fill("{{year}}", values({"year": "never"}, CALL)) == "never"


def test_now() -> None:
    at = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert fill("{{date}}, {{time}}", values({}, CALL, at)) == "Nov 23, 2026, 02:05 PM"


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_any_text_fills(text: str, known: dict[str, Any]) -> None:
    assert isinstance(fill(text, known), str)
