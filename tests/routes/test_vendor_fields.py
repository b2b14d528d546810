"""The fields that a vendor's connector reads are judged when they come, by the connector's table."""

from __future__ import annotations

from typing import Any

import pytest

from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.field import WORDS, Field, problems
from app.vendors.deepgram import FIELDS, FLUX_FIELDS
from app.vendors.registry import stt_parts, tts_parts
from app.vendors.stt import make_transcriber
from app.vendors.tts import problem
from tests.routes.api import Api, refused

OF: dict[type, Any] = {bool: True, int: 7, float: 0.5, str: "x", list: ["x"], dict: {"x": 1}}
"""A value of each kind."""
NUMBERS = (int, float)
TABLES = {
    "voice": {name: part.fields for name, part in tts_parts().items() if part.fields},
    "transcriber": {name: part.fields for name, part in stt_parts().items() if part.fields},
}
MODEL = {"assembly-ai": {"speechModel": "u3-rt-pro"}}
"""The model whose fields are judged."""
VENDORS = [(stage, vendor) for stage, table in TABLES.items() for vendor in table]
PROGRAMS = {n for n, part in {**stt_parts(), **tts_parts()}.items() if part.program}
"""Of this machine: installed or not, so that a connector may refuse them first."""


@pytest.fixture(scope="module")
def api(entry: Api) -> Api:
    return entry


def bad(field: Field) -> list[Any]:
    """Values of every other kind."""
    same = NUMBERS if field.kind in NUMBERS else (field.kind, str if field.or_one else field.kind)
    return [value for kind, value in OF.items() if kind not in same] + ["x"] * bool(field.choices)


@pytest.mark.parametrize("kind", WORDS)
def test_what_is_of_a_kind(kind: type) -> None:
    table = {"f": Field("g", kind)}
    for other, value in OF.items():
        same = other is kind or {other, kind} <= {*NUMBERS}
        assert bool([*problems({"f": value}, table)]) != same
    assert [*problems({"f": None}, table)] == []
    assert [*problems({}, table)] == []
    if kind is list:
        assert [*problems({"f": ["x", 1]}, table)]


def test_each_vendor_with_an_account_has_a_table() -> None:
    """What takes none has no field that can fail a call, or is a client's own server."""
    voices = {n for n, part in tts_parts().items() if part.needs_account or part.spoken_by_others}
    assert set(TABLES["voice"]) - PROGRAMS == voices
    transcribers = {n for n, part in stt_parts().items() if part.address}
    assert set(TABLES["transcriber"]) - PROGRAMS == transcribers


@pytest.mark.parametrize(("stage", "vendor"), [each for each in VENDORS if each[1] not in PROGRAMS])
def test_the_connector_refuses_them(stage: str, vendor: str) -> None:
    account = {vendor: VendorAccount("key", "https://a.example", {"region": "a"})}
    for name, field in TABLES[stage][vendor].items():
        for value in bad(field):
            config = {"provider": vendor, "voiceId": "v", **MODEL.get(vendor, {}), name: value}
            if vendor == "deepgram" and name in FLUX_FIELDS.keys() - FIELDS.keys():
                config["model"] = "flux-general-en"
            if stage == "voice":
                assert (problem(config, account) or "").startswith(f"voice.{name} must be ")
                continue
            with pytest.raises(UnbuildableAssistant, match=f"transcriber.{name} must be "):
                make_transcriber(config, account, 8000)


@pytest.mark.parametrize(("stage", "vendor"), VENDORS)
def test_an_assistant_with_them_is_refused(api: Api, stage: str, vendor: str) -> None:
    wrong = {name: bad(field)[0] for name, field in TABLES[stage][vendor].items()}
    messages = refused(api.post("/assistant", {"name": "x", stage: {"provider": vendor, **wrong}}))
    assert [each.partition(" ")[0] for each in messages] == [f"{stage}.{name}" for name in wrong]
    good = {
        name: field.choices[0] if field.choices else OF[field.kind]
        for name, field in TABLES[stage][vendor].items()
    }
    api.made(
        "/assistant", {"name": "x", stage: {"provider": vendor, **good, "other": object.__doc__}}
    )


def test_where_they_may_be(api: Api) -> None:
    plan = {"voices": [{"provider": "openai", "voiceId": "a"}, {"provider": "azure", "voiceId": 7}]}
    voice = {"provider": "openai", "voiceId": "a", "fallbackPlan": plan}
    told = "voice.fallbackPlan.voices.1.voiceId must be a string"
    assert refused(api.post("/assistant", {"name": "x", "voice": voice})) == [told]
    made = api.made("/assistant", {"name": "x"})
    assert refused(api.patch(f"/assistant/{made['id']}", {"voice": voice})) == [told]
    wrong = {"name": "x", "model": {"provider": "openai", "model": 7}}
    assert refused(api.post("/assistant", wrong)) == ["model.model must be a string"]
    unknown: dict[str, Any] = {
        "provider": "a-new-one",
        "voiceId": 7,
    }  # another voice speaks instead
    unknown["fallbackPlan"] = {"voices": [{"provider": "embedded"}]}
    api.made("/assistant", {"name": "x", "voice": unknown, "transcriber": {"provider": None}})
