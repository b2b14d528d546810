"""Vapi's own voices: which vendor's voice speaks in place of each."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pkgutil import resolve_name
from typing import Any

import pytest

from app.vendors import registry, vapi
from app.vendors.common.account import VendorAccount, VendorAccounts
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.field import problems
from app.vendors.common.similar_voice import FEMALE, MALE, Sound, Wish
from app.vendors.common.tts_http import HttpVoice
from app.vendors.embedded import espeak
from app.vendors.embedded.tts import EmbeddedVoice
from app.vendors.similar import told
from app.vendors.tts import choose, make_voice, problem

KEYS: dict[str, VendorAccount] = {
    name: VendorAccount("key", extra={"region": "westeurope"}) for name in registry.SIMILAR_VOICES
}
LANGUAGES = [
    "en-US",
    "en-GB",
    "en-AU",
    "en-CA",
    "ja",
    "zh",
    "de",
    "hi",
    "fr-FR",
    "fr-CA",
    "ko",
    "pt-BR",
    "pt-PT",
    "it",
    "es-ES",
    "es-MX",
    "id",
    "nl",
    "tr",
    "fil",
    "pl",
    "sv",
    "bg",
    "ro",
    "ar-SA",
    "ar-AE",
    "cs",
    "el",
    "fi",
    "hr",
    "ms",
    "sk",
    "da",
    "ta",
    "uk",
    "ru",
    "hu",
    "no",
    "vi",
    "auto",
    "en",
    "ar",
    "ar-EG",
    "bn",
    "es",
    "fr",
    "gu",
    "he",
    "ka",
    "kn",
    "ml",
    "mr",
    "pa",
    "pt",
    "te",
    "th",
    "tl",
]
"""Of Vapi's ``language``."""
NOT_THERE = {"pa"}
"""What Azure has no voice for."""
SOUNDS = [
    Sound(gender, tone, accent)
    for gender, tone, accent in product(
        (FEMALE, MALE),
        ("bright", "calm", "deep"),
        ("american", "canadian", "southern", "indian"),
    )
]
ELLIOT = {"provider": "vapi", "voiceId": "Elliot"}


def only(*names: str) -> VendorAccounts:
    return {name: KEYS[name] for name in names}


def similar(vendor: str, wish: Wish) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None
    found = resolve_name(str(registry.tts_parts()[vendor].similar))(wish)
    return found


@pytest.mark.parametrize("vendor", [*registry.SIMILAR_VOICES, "embedded"])
def test_every_wish_is_a_voice_that_the_vendor_takes(vendor: str) -> None:
    part = registry.tts_parts()[vendor]
    for sound, language, speed in product(SOUNDS, [None, *LANGUAGES], (None, 0.25, 1, 2)):
        voice = similar(vendor, Wish(sound, language, speed))
        if voice is None:
            assert language not in (None, "auto", "en", "en-US", "en-GB"), vendor
            continue
        assert (voice["provider"], problem(voice, KEYS)) == (vendor, None)
        assert set(voice) <= {"provider", "voiceId", "speed", *part.fields}
        assert [*problems(voice, part.fields)] == []
        if vendor == "embedded":
            espeak.check(voice["voiceId"])


@pytest.mark.parametrize(
    ("vendor", "missing"),
    [
        ("11labs", {"bn", "gu", "he", "ka", "kn", "ml", "mr", "pa", "te", "th", "tl"}),
        ("openai", set()),
        ("cartesia", set()),
        ("deepgram", {*LANGUAGES} - {"auto", "de", "es", "es-ES", "es-MX"}),
        ("azure", NOT_THERE),
    ],
)
def test_the_languages_of_each(vendor: str, missing: set[str]) -> None:
    english = {each for each in LANGUAGES if each.startswith("en")}
    found = {each for each in LANGUAGES if similar(vendor, Wish(SOUNDS[0], each)) is None}
    assert found == missing - english


def test_two_genders_are_two_voices() -> None:
    for vendor, language in product([*registry.SIMILAR_VOICES, "embedded"], ("en", "de")):
        woman, man = (similar(vendor, Wish(Sound(each), language)) for each in (FEMALE, MALE))
        assert woman
        assert man
        assert woman["voiceId"] != man["voiceId"], vendor


@pytest.mark.parametrize(
    ("accounts", "voice"),
    [
        ((), {"provider": "embedded", "voiceId": "en-us"}),
        (("azure",), {"provider": "azure", "voiceId": "en-CA-LiamNeural"}),
        (("azure", "deepgram"), {"provider": "deepgram", "voiceId": "apollo"}),
        (("deepgram", "cartesia"), {"provider": "cartesia"}),
        (("openai", "cartesia"), {"provider": "openai", "voiceId": "echo"}),
        (registry.SIMILAR_VOICES, {"provider": "11labs", "voiceId": "cjVigY5qzO86Huf0OWal"}),
    ],
)
def test_the_first_vendor_with_an_account(accounts: tuple[str, ...], voice: Any) -> None:
    found = choose(ELLIOT, only(*accounts))
    assert voice.items() <= found.items()
    assert problem(found, KEYS) is None


def test_a_vendor_without_the_language_is_passed_over() -> None:
    thai = {**ELLIOT, "language": "th"}
    assert choose(thai, only("11labs", "deepgram", "azure"))["voiceId"] == "th-TH-NiwatNeural"
    german = choose({**ELLIOT, "language": "de"}, only("11labs"))
    assert (german["language"], german["model"]) == ("de", "eleven_flash_v2_5")


def test_speed_is_kept_within_the_vendors_range() -> None:
    slow = {**ELLIOT, "speed": 0.25}
    assert choose(slow, only("11labs"))["speed"] == 0.7
    assert choose(slow, only("openai"))["speed"] == 0.25
    assert choose(slow, only("cartesia"))["generationConfig"] == {"speed": 0.6}
    assert choose(slow, {})["speed"] == 0.5


@pytest.mark.parametrize(
    "extra",
    [
        {"version": 2},
        {"version": "latest", "title": "x", "cachingEnabled": False, "chunkPlan": {}},
        {"pronunciationDictionary": [{"pronunciationDictId": "a"}]},
        {"speed": None, "language": None},
        {"voiceId": None},
        {"voiceId": ""},
        {"voiceId": "eLLiot"},
    ],
)
def test_other_fields_change_nothing(extra: dict[str, Any]) -> None:
    assert choose({**ELLIOT, **extra}, KEYS) == choose(ELLIOT, KEYS)


def test_an_unknown_name_speaks_like_vapis_default_and_is_told() -> None:
    cloned = {"provider": "vapi", "voiceId": "9f1c"}
    assert choose(cloned, KEYS) == choose(ELLIOT, KEYS)
    assert "'9f1c' is not known" in str(told(cloned))
    assert told(cloned, {"9f1c": {"provider": "embedded"}}) is None
    assert told(ELLIOT) is None


# ------------------------------------------------------------------ the operator's table


NOVA = {"provider": "openai", "voiceId": "nova"}
FARAH = {"provider": "rime-ai", "voiceId": "farah"}


def test_the_operators_table_comes_first() -> None:
    table = {"elliot": NOVA, "*": FARAH}
    assert choose(ELLIOT, KEYS, None, table) == NOVA
    wished = {**ELLIOT, "language": "de", "speed": 1.5}
    assert choose(wished, KEYS, None, table) == {**NOVA, "speed": 1.5}
    other = {"provider": "vapi", "voiceId": "Mia", "speed": 1.5}
    rime = {"rime-ai": VendorAccount("key")}
    assert choose(other, rime, None, table) == {**FARAH, "speed": 1.5}
    eleven = {"elliot": {"provider": "11labs", "voiceId": "mine"}}
    assert choose(wished, KEYS, None, eleven) == {
        "provider": "11labs",
        "voiceId": "mine",
        "speed": 1.2,
        "model": "eleven_flash_v2_5",
        "language": "de",
    }
    thai = {**ELLIOT, "language": "th"}  # the vendor's model does not have it
    assert choose(thai, KEYS, None, eleven) == eleven["elliot"]


def test_a_voice_of_the_table_without_an_account_falls_as_any_other() -> None:
    table = {"elliot": FARAH}
    alloy = {"provider": "openai", "voiceId": "alloy"}
    planned = {**ELLIOT, "fallbackPlan": {"voices": [alloy]}}
    assert choose(planned, KEYS, NOVA, table) == alloy
    assert choose(ELLIOT, KEYS, NOVA, table) == NOVA
    assert choose(ELLIOT, KEYS, None, table)["provider"] == "embedded"


# ------------------------------------------------------------------ with other voices


def test_better_than_the_embedded_voice_is_any_that_was_chosen() -> None:
    rime = {"rime-ai": VendorAccount("key")}
    assert choose({**ELLIOT, "fallbackPlan": {"voices": [FARAH]}}, rime) == FARAH
    assert choose(ELLIOT, rime, FARAH) == FARAH


def test_in_a_plan() -> None:
    gone = {"provider": "playht", "voiceId": "x", "fallbackPlan": {"voices": [ELLIOT]}}
    assert choose(gone, KEYS)["provider"] == "11labs"
    assert choose(gone, {})["provider"] == "embedded"


def test_a_wrong_field_is_refused() -> None:
    with pytest.raises(UnbuildableAssistant, match=r"voice\.speed must be a number"):
        choose({**ELLIOT, "speed": "fast"}, KEYS)


def test_it_is_built() -> None:
    assert type(make_voice(ELLIOT, {}, 8000)) is EmbeddedVoice
    assert type(make_voice(ELLIOT, only("openai"), 8000)) is HttpVoice


def test_the_names() -> None:
    assert all(name == name.lower() for name in vapi.SOUNDS)
    page = (
        "Elliot Kylie Rohan Lily Savannah Hana Neha Cole Harry Paige Spencer Leah Tara Jess Leo Dan"
    )
    page += " Mia Zac Zoe Nico Kai Emma Sagar Godfrey Neil Clara Layla Sid Naina Gustavo"
    assert {*page.lower().split()} == {*vapi.SOUNDS}
