"""The country of an E.164 number, and whether a call to it has a special price.

libphonenumber has the numbering plans. https://github.com/google/libphonenumber
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
)

from app.domain.legs.costly_ranges import in_costly_range
from providers.common.e164 import E164

COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,  # priced like personal numbers, and a pager cannot talk
    }
)
"""Types that are never dialled, whatever the settings allow."""

PART_OF = {
    "AX": "FI",
    "BL": "GP",
    "BQ": "CW",
    "CC": "AU",
    "CX": "AU",
    "EH": "MA",
    "MF": "GP",
    "SJ": "NO",
    "TA": "SH",
    "VA": "IT",
    "YT": "RE",
}
"""Territories with another country's calling code and prices. Either ISO code allows them."""

WORLDWIDE = "001"
"""The library's region for satellites, +800, +979 and other codes without a country."""

AREA_DIGITS = 3
"""The digits after a shared calling code that distinguish its regions."""
SHORTEST = 7
"""The length of the shortest number, with its plus."""


@lru_cache(maxsize=4096)  # own numbers and destinations are asked for at every dial
def countries_of(number: str) -> tuple[str, ...]:
    """The ISO code of the number's country, and of the country that it is part of.

    The result is empty for a number without a country.
    A number newer than the plans gets the country of numbers that begin alike.
    """
    parsed = _parsed(number)
    if parsed is None:
        return ()
    region = phonenumbers.region_code_for_number(parsed) or _region_alike(number, parsed)
    if region == WORLDWIDE:
        return ()
    return (region, PART_OF[region]) if region in PART_OF else (region,)


def country_of_code(code: str) -> str | None:
    """The ISO code of a calling code's country: ``+44``, ``+1876`` or ``+441481``."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code[1:]))
    return regions[0] if regions else _region_of_range(code)


@lru_cache(maxsize=4096)
def is_costly(number: str) -> bool:
    """Whether the number is a premium, shared-cost, personal or pager number.

    Networks ignore the digits after a complete number.
    So a number that the plans do not know counts as costly if a number that begins alike is.
    """
    if not E164.fullmatch(number):
        return False
    if in_costly_range(number):
        return True
    kind = _type(_parsed(number))
    if kind != PhoneNumberType.UNKNOWN:
        return kind in COSTLY
    shorter = (_parsed(number[:end]) for end in range(len(number) - 1, SHORTEST, -1))
    return any(_type(each) in COSTLY for each in (*shorter, *_longer(number)))


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _parsed(number: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number) if E164.fullmatch(number) else None
    except NumberParseException:
        return None


def _type(parsed: PhoneNumber | None) -> int:
    return PhoneNumberType.UNKNOWN if parsed is None else phonenumbers.number_type(parsed)


def _region_alike(number: str, parsed: PhoneNumber) -> str:
    """The region of the number's area, else of its calling code."""
    area = number[: len(f"+{parsed.country_code}") + AREA_DIGITS]
    code = parsed.country_code or 0
    return _region_of_range(area) or phonenumbers.region_code_for_country_code(code)


@lru_cache(maxsize=1024)  # of an area that no plan knows it takes 5 to 20 ms
def _region_of_range(beginning: str) -> str | None:
    """The region of numbers with this beginning. The library knows it only for whole numbers."""
    regions = (phonenumbers.region_code_for_number(each) for each in _longer(beginning))
    return next((region for region in regions if region), None)


def _longer(beginning: str) -> Iterator[PhoneNumber]:
    """Numbers with this beginning: the library's examples, then any that can be parsed."""
    for region in _regions_of_plan(beginning):
        example = phonenumbers.example_number(region)
        if example and e164(example).startswith(beginning):
            yield example
    for digit in "2345678901":
        for length in range(10):
            parsed = _parsed(beginning + digit + "2345678901"[:length])
            if parsed is not None:
                yield parsed


def _regions_of_plan(beginning: str) -> tuple[str, ...]:
    """All regions that share the calling code."""
    codes = (int(beginning[1:end]) for end in (2, 3, 4) if beginning[1:end])
    plans = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((plans[code] for code in codes if code in plans), ())
