"""The other names of vendors: a call uses Vapi's, and the assistant keeps its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from app.domain.assistant.config import AssistantConfig
from app.vendors import registry
from app.vendors.registry import VENDORS, field_problems, name_of, named
from app.vendors.tts import candidates
from tests.vendors.hum import VENDOR as HUM

ALIASES = [(alias, name) for name, vendor in VENDORS.items() for alias in vendor.aliases]


@pytest.mark.parametrize(("alias", "name"), ALIASES)
def test_each_alias_is_its_vendor(alias: str, name: str) -> None:
    assert name_of(alias) == name
    given = {"provider": alias, "x": 1}
    assert named(given) == {"provider": name, "x": 1}
    assert given["provider"] == alias
    for stage in ("model", "voice", "transcriber"):
        config = AssistantConfig({stage: given})
        assert getattr(config, stage)["provider"] == name
        assert config.json[stage] == given


def test_every_name_is_one_vendors() -> None:
    assert ("elevenlabs", "11labs") in ALIASES
    assert ("eleven-labs", "11labs") in ALIASES
    names = Counter([*VENDORS, *(alias for alias, _ in ALIASES)])
    assert {name for name, count in names.items() if count > 1} == set()


def test_a_name_without_a_vendor_stays() -> None:
    for given in ({"provider": "nobody"}, {"provider": None}, {"provider": 7}, {}):
        assert named(given) == given


def test_the_voices_of_a_plan_too() -> None:
    voice = {"provider": "elevenlabs", "voiceId": "a"}
    found = candidates({**voice, "fallbackPlan": {"voices": [voice]}}, voice)
    assert [each["provider"] for each in found] == ["11labs"] * 3


def test_fields_are_judged_under_an_alias() -> None:
    assert [*field_problems("voice", {"provider": "elevenlabs", "speed": "fast"})] == [
        ("speed", "must be a number")
    ]


@pytest.mark.parametrize("aliases", [("elevenlabs",), ("hum-labs", "rime")])
def test_a_plugin_cannot_take_a_name(aliases: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="another vendor's name"):
        registry.add("hum", replace(HUM, aliases=aliases))
    with pytest.raises(ValueError, match="another vendor's name"):
        registry.add("elevenlabs", replace(HUM, name="elevenlabs"))
