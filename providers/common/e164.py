"""The one rule for phone numbers. https://www.itu.int/rec/T-REC-E.164"""

from __future__ import annotations

import re

# The digits. The standard has 15 at most, and no country has fewer than 7.
PATTERN = r"[1-9]\d{6,14}"

# With the plus, as the API, the store and Twilio write it.
E164 = re.compile(rf"\+{PATTERN}", re.ASCII)
# Without the plus, as Vonage writes it.
DIGITS = re.compile(PATTERN, re.ASCII)
# With or without the plus; group 1: the digits.
EITHER = re.compile(rf"\+?({PATTERN})", re.ASCII)
# As a trunk dials it abroad: with the plus or a prefix, or, if it is long, without.
DIALLED = re.compile(rf"(?:\+|00|011)({PATTERN})|([1-9]\d{{10,14}})", re.ASCII)
# Vapi's rule for a number whose check is off.
LOOSE = re.compile(r"(?=.{3,40}\Z)\+?[a-zA-Z0-9]+", re.ASCII)


def unchecked(number: str) -> str:
    """The E.164 number that this one stands for: its plus is missing, or written as 00.

    A number that stands for none comes back as it is.
    """
    digits = number.removeprefix("+").removeprefix("00")
    return f"+{digits}" if DIGITS.fullmatch(digits) else number


def dialled(text: str) -> str | None:
    """The E.164 number that a trunk dials for this text; None: it is one of the trunk's own."""
    found = DIALLED.fullmatch(text)
    return f"+{found[1] or found[2]}" if found else None
