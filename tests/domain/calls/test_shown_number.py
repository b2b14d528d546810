"""The log masks phone numbers, unless the operator wants them whole."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.calls.shown_number import shown
from app.settings import load

SECRET = {"SECRET_KEY": "a secret key of the tests"}


@pytest.mark.parametrize(
    ("party", "masked", "full"),
    [
        ({"number": "+14155550188"}, "+141******88", "+14155550188"),
        ({"number": "+1\nfake line"}, "no phone number", "no phone number"),
        ({"number": ["+14155550188"]}, "no phone number", "no phone number"),
        ({"sipUri": "sip:secret@example.com"}, "a SIP URI", "sip:secret@example.com"),
        ({}, "no phone number", "no phone number"),
    ],
)
def test_a_number_is_masked(party: dict[str, Any], masked: str, full: str) -> None:
    assert shown(load(SECRET), party) == masked
    assert shown(load({**SECRET, "LOG_NUMBERS": "full"}), party) == full
