"""The one rule of how phone numbers are written. https://www.itu.int/rec/T-REC-E.164"""

from __future__ import annotations

import re

PATTERN = r"[1-9]\d{6,14}"
"""Of the digits: the standard has 15 at most, and nowhere are there fewer than 7."""

E164 = re.compile(rf"\+{PATTERN}", re.ASCII)
"""With the plus, as the API, the store and Twilio write it."""
DIGITS = re.compile(PATTERN, re.ASCII)
"""Without the plus, as Vonage writes it."""
EITHER = re.compile(rf"\+?({PATTERN})", re.ASCII)
"""With or without the plus; group 1: the digits."""
