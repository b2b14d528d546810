"""The one rule of how phone numbers are written. https://www.itu.int/rec/T-REC-E.164"""

from __future__ import annotations

import re

PATTERN = r"[1-9][0-9]{6,14}"
"""Of the digits: the plan has 15 at most, and no subscriber less than 7."""

E164 = re.compile(rf"\+{PATTERN}")
"""With its plus, as the API, the store and Twilio write it."""
DIGITS = re.compile(PATTERN)
"""Without, as Vonage writes it."""
EITHER = re.compile(rf"\+?({PATTERN})")
"""With or without; group 1: the digits."""
