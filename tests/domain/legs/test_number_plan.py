"""The gate over all example numbers of libphonenumber: every region, every type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from app.domain.legs.costly_ranges import in_costly_range
from app.domain.legs.destinations import number_problem
from app.domain.legs.number_plan import (
    countries_of,
    country_of_code,
    e164,
    is_costly,
)
from app.settings import Settings

COSTLY = ("PREMIUM_RATE", "SHARED_COST", "PERSONAL_NUMBER", "PAGER")
NAMES = {value: name for name, value in vars(PhoneNumberType).items() if isinstance(value, int)}


class Example(NamedTuple):
    region: str
    kind: str
    number: str

    @property
    def is_costly(self) -> bool:
        return self.kind in COSTLY or in_costly_range(self.number)


def examples() -> Iterator[Example]:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in PhoneNumberType.values():
            found = phonenumbers.example_number_for_type(region, kind)
            if found is not None:
                yield Example(region, NAMES[kind], e164(found))


EXAMPLES = list(examples())
BY_NAME = [
    "+4590123456",
    "+4782012345",
    "+3690123456",
    "+40900123456",
    "+6519001234567",
    "+309091234567",
]
"""Passed before the library judged them."""


SHORT = ["+13101234", "+989601"]
"""Companies' numbers that are no E.164 numbers of their countries."""


def allowing(*words: str) -> Settings:
    return Settings(
        secret_keys=("a key of the tests, long enough",), allowed_countries=frozenset(words)
    )


EVERYWHERE = allowing(*phonenumbers.SUPPORTED_REGIONS)


def test_there_are_examples_of_all() -> None:
    assert len(EXAMPLES) > 1300
    assert sum(example.is_costly for example in EXAMPLES) > 280


def test_what_costs_more_is_refused_wherever_calls_may_go() -> None:
    passed = [
        example
        for example in EXAMPLES
        if example.is_costly
        and "premium, shared-cost" not in (number_problem(EVERYWHERE, example.number) or "")
    ]
    assert passed == []


@pytest.mark.parametrize("number", BY_NAME)
def test_by_name(number: str) -> None:
    assert "premium, shared-cost" in (number_problem(EVERYWHERE, number) or "")


def test_an_ordinary_number_passes_where_its_country_is_allowed() -> None:
    refused = [
        example.number
        for example in EXAMPLES
        if not example.is_costly and number_problem(allowing(own_region(example)), example.number)
    ]
    assert [number for number in refused if number not in SHORT] == []


def test_it_passes_nowhere_else() -> None:
    """Apart from the country a territory is part of."""
    others = {
        example: allowing(*(set(phonenumbers.SUPPORTED_REGIONS) - {*countries_of(example.number)}))
        for example in EXAMPLES
    }
    passed = [
        each for each, settings in others.items() if not number_problem(settings, each.number)
    ]
    assert passed == []


def own_region(example: Example) -> str:
    """Territories share the mobile and free numbers of the country they are part of."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(example.number)) or ""


def test_no_country_can_allow_a_satellite_or_a_worldwide_number() -> None:
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = e164(phonenumbers.example_number_for_non_geo_entity(code))  # type: ignore[arg-type]
        for settings in (EVERYWHERE, allowing(f"+{code}")):
            assert "no country" in (number_problem(settings, number) or ""), number


@pytest.mark.parametrize("words", ["FI", "AX", "+358"])
def test_a_territory_is_allowed_by_itself_and_by_its_country(words: str) -> None:
    aland = "+35818123456"
    assert countries_of(aland) == ("AX", "FI")
    assert number_problem(allowing(words), aland) is None


def test_a_territory_does_not_allow_its_country() -> None:
    assert "FI" in (number_problem(allowing("AX"), "+358401234567") or "")


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+441481256789", "GG"),
        ("+447781123456", "GG"),  # a mobile
        ("+447797712345", "JE"),
        ("+447624123456", "IM"),
    ],
)
def test_the_channel_islands_and_man_are_not_britain(number: str, country: str) -> None:
    assert f"of {country}," in (number_problem(allowing("GB"), number) or "")
    assert number_problem(allowing(country), number) is None


@pytest.mark.parametrize(
    "number",
    [
        "+4590123456789",  # digits behind a complete number, which networks ignore
        "+44901234567890",
        "+90888123456",  # a digit short
        "+448400000000",  # not assigned yet
        "+34905123456",
        "+49190123456",
        "+48400123456",
        "+81570123456",
        "+447012345678",
        "+353152012345678",
    ],
)
def test_numbers_the_plan_does_not_know_are_judged_by_their_beginning(number: str) -> None:
    assert is_costly(number)


@pytest.mark.parametrize(
    ("number", "countries"),
    [
        ("+15550100001", ("US",)),  # of films
        ("+18760123456", ("JM",)),
        ("+441481000000", ("GG",)),
        ("+2101234567", ()),  # a code of nobody's
        ("+49", ()),
        ("4915112345678", ()),
    ],
)
def test_numbers_the_plan_does_not_know_are_of_the_country_of_their_beginning(
    number: str, countries: tuple[str, ...]
) -> None:
    assert countries_of(number) == countries


CODES = {
    "+1": "US",
    "+7": "RU",
    "+39": "IT",
    "+44": "GB",
    "+1204": "CA",
    "+1242": "BS",
    "+1264": "AI",
    "+1876": "JM",
    "+1787": "PR",
    "+1809": "DO",
    "+1829": "DO",
    "+1849": "DO",
    "+1869": "KN",
    "+77": "KZ",
    "+262": "RE",
    "+441481": "GG",
    "+441534": "JE",
    "+441624": "IM",
    "+599": "CW",
    "+999": None,
}


@pytest.mark.parametrize("code", CODES)
def test_a_calling_code_leads_to_a_country(code: str) -> None:
    assert country_of_code(code) == CODES[code]


APART = [
    *("+17005550188", "+15005550188", "+15215550188", "+15295550188", "+15335550188"),
    *("+15445550188", "+15665550188", "+15775550188", "+15885550188", "+16005550188"),
    *("+16225550188", "+17105550188", "+19005550188", "+19765550188", "+12129765018"),
    *("+14169765018", "+18769765018", "+12125551212", "+12129585018", "+13115550188"),
    *("+12965550188", "+13715550188", "+19695550188", "+18815550188", "+14565550188"),
    *("+447000000000", "+31840000000", "+2786100000", "+4913812345", "+34907123456"),
    *("+358606123456", "+61500123456", "+8260123456", "+56700123456", "+380900123456"),
]
NEAR = [
    *("+17015550188", "+15015550188", "+15305550188", "+15575550188", "+16015550188"),
    *("+17125550188", "+12129755018", "+12129775018", "+18009765018"),
    *("+12125551213", "+19735550188", "+447911123456", "+31201234567", "+27831234567"),
]


@pytest.mark.parametrize("number", APART)
def test_what_a_plan_sets_apart_is_refused(number: str) -> None:
    assert "service range" in (number_problem(EVERYWHERE, number) or "")


@pytest.mark.parametrize("number", NEAR)
def test_its_neighbours_are_not(number: str) -> None:
    assert number_problem(EVERYWHERE, number) is None


def test_dublin_is_not_premium() -> None:
    """Irish premium numbers begin with 15 as well, and are longer."""
    assert number_problem(allowing("IE"), "+35315031234") is None


@given(st.text(max_size=30) | st.from_regex(r"\+[0-9]{1,16}", fullmatch=True))
def test_any_text_is_judged(text: str) -> None:
    assert not countries_of(text) or text[1:].isascii()
    is_costly(text)
