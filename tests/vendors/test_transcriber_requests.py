"""What each transcriber asks of its vendor, by the assistant's fields."""

from __future__ import annotations

from typing import Any

import pytest

from app.vendors.common.account import VendorAccount
from app.vendors.stt import make_transcriber
from tests.clock import on_loop
from tests.vendors.hearing import hearing
from tests.vendors.transcriber_cases import CASES, SCRIPT, made


@pytest.mark.parametrize(
    ("config", "query"),
    [
        # Vapi's own example
        (
            {"model": "nova-2-phonecall", "language": "de"},
            {"model": ["nova-2-phonecall"], "language": ["de"]},
        ),
        # a language that is none
        ({"language": "multi"}, {"language": ["multi"]}),
        ({"smartFormat": True}, {"smart_format": ["true"]}),
        # JSON's number may be whole and look otherwise
        ({"endpointing": 300.0}, {"endpointing": ["300"]}),
        # several values are several parameters, with their weight
        ({"keywords": ["Patchbay:2", "Vapi"]}, {"keywords": ["Patchbay:2", "Vapi"]}),
        # the newer model refuses keywords
        (
            {"model": "nova-3", "keywords": ["Patchbay:2"], "keyterm": ["end of call"]},
            {"keyterm": ["end of call", "Patchbay"], "keywords": []},
        ),
        (
            {"numerals": True, "profanityFilter": True},
            {"numerals": ["true"], "profanity_filter": ["true"]},
        ),
        ({"redaction": ["pci"], "mipOptOut": True}, {"redact": ["pci"], "mip_opt_out": ["true"]}),
    ],
)
@on_loop
async def test_deepgram_is_asked_as_configured(
    config: dict[str, Any], query: dict[str, list[str]]
) -> None:
    async with (
        CASES["deepgram"].stand_in(*SCRIPT) as vendor,
        hearing(made("deepgram", vendor, 8000, **config), 8000),
    ):
        pass
    (request,) = vendor.asked
    assert {name: request.query.getall(name, []) for name in query} == query


@pytest.mark.parametrize("name", ["deepgram", "talkscriber", "custom-transcriber"])
@on_loop
async def test_sound_is_not_compressed(name: str) -> None:
    """A stand-in would take the offer, and every slice of sound would cost."""
    async with (
        CASES[name].stand_in(*SCRIPT) as vendor,
        hearing(made(name, vendor, 8000), 8000),
    ):
        pass
    socket = vendor.asked[-1]
    assert socket.headers["Upgrade"] == "websocket"
    assert "Sec-WebSocket-Extensions" not in socket.headers


@pytest.mark.parametrize(
    ("config", "body"),
    [
        # neither: Gladia finds the language out
        ({}, {"language_config": None}),
        (
            {"languageBehaviour": "manual", "language": "fr"},
            {"language_config": {"languages": ["fr"], "code_switching": False}},
        ),
        (
            {"languageBehaviour": "automatic multiple languages", "languages": ["fr", "de"]},
            {"language_config": {"languages": ["fr", "de"], "code_switching": True}},
        ),
        # the first version's models
        ({"model": "accurate"}, {"model": "solaria-1"}),
        ({"endpointing": 0.3}, {"endpointing": 0.3}),
        (
            {"audioEnhancer": True, "speechThreshold": 0.7},
            {"pre_processing": {"audio_enhancer": True, "speech_threshold": 0.7}},
        ),
        (
            {"receivePartialTranscripts": False},
            {"messages_config": {"receive_partial_transcripts": False}},
        ),
        (
            {"transcriptionHint": "Patchbay, Vapi"},
            {
                "realtime_processing": {
                    "custom_vocabulary": True,
                    "custom_vocabulary_config": {"vocabulary": ["Patchbay", "Vapi"]},
                }
            },
        ),
        (
            {
                "customVocabularyEnabled": True,
                "customVocabularyConfig": {
                    "vocabulary": ["Patchbay", {"value": "Vapi", "intensity": 0.4}],
                    "defaultIntensity": 0.5,
                },
            },
            {
                "realtime_processing": {
                    "custom_vocabulary": True,
                    "custom_vocabulary_config": {
                        "vocabulary": ["Patchbay", {"value": "Vapi", "intensity": 0.4}],
                        "default_intensity": 0.5,
                    },
                }
            },
        ),
        # not enabled: not sent
        (
            {"customVocabularyConfig": {"vocabulary": ["Patchbay"]}},
            {"realtime_processing": None},
        ),
    ],
)
@on_loop
async def test_gladia_is_asked_as_configured(config: dict[str, Any], body: dict[str, Any]) -> None:
    async with (
        CASES["gladia"].stand_in(*SCRIPT) as vendor,
        hearing(made("gladia", vendor, 8000, region="us-west", **config), 8000),
    ):
        pass
    assert vendor.asked[0].query["region"] == "us-west"
    assert {name: vendor.bodies[0].get(name) for name in body} == body


@pytest.mark.parametrize(
    ("config", "query"),
    [
        (
            {"language": "multi"},
            {"speech_model": "universal-streaming-multilingual", "language_detection": "true"},
        ),
        # both names of the same thing; the newer wins
        ({"wordBoost": ["old"], "keytermsPrompt": ["Vapi"]}, {"keyterms_prompt": '["Vapi"]'}),
        ({"wordBoost": ["old"]}, {"keyterms_prompt": '["old"]'}),
        ({"formatTurns": False}, {"format_turns": "false"}),
        # only the newest model may be steered
        (
            {
                "speechModel": "universal-3-5-pro",
                "languageCodes": ["en", "es"],
                "mode": "min_latency",
            },
            {"language_codes": '["en", "es"]', "mode": "min_latency"},
        ),
        ({"prompt": "ignored", "mode": "balanced"}, {"prompt": None, "mode": None}),
    ],
)
@on_loop
async def test_assembly_ai_is_asked_as_configured(
    config: dict[str, Any], query: dict[str, str | None]
) -> None:
    async with (
        CASES["assembly-ai"].stand_in(*SCRIPT) as vendor,
        hearing(made("assembly-ai", vendor, 8000, **config), 8000),
    ):
        pass
    (request,) = vendor.asked
    assert {name: request.query.get(name) for name in query} == query


@on_loop
async def test_a_server_of_ones_own_needs_no_key() -> None:
    async with (
        CASES["deepgram"].stand_in(*SCRIPT) as vendor,
        hearing(made("deepgram", vendor, 8000, key=None), 8000),
    ):
        pass
    assert vendor.asked[0].headers["Authorization"] == "Token none"


@on_loop
async def test_assembly_ai_without_formatting_is_heard_once_per_turn() -> None:
    async with (
        CASES["assembly-ai"].stand_in(*SCRIPT) as vendor,
        hearing(made("assembly-ai", vendor, 8000, formatTurns=False), 8000) as room,
    ):
        await room.say("book")
        await room.until(lambda: bool(room.finals))
    assert room.finals == [SCRIPT[0]]


@pytest.mark.parametrize(
    ("name", "config", "asked"),
    [
        (
            "soniox",
            {"language": "de", "languages": ["en", "de"], "customVocabulary": ["Vapi"]},
            {"language_hints": ["de", "en"], "context": {"terms": ["Vapi"]}},
        ),
        (
            "soniox",
            {"maxEndpointDelayMs": 500, "languageHintsStrict": True},
            {"max_endpoint_delay_ms": 500, "language_hints_strict": True},
        ),
        # milliseconds at Vapi, seconds there, within its limits
        (
            "speechmatics",
            {"language": "de", "maxDelay": 90000, "operatingPoint": "standard"},
            {
                "transcription_config": {
                    "enable_partials": True,
                    "language": "de",
                    "operating_point": "standard",
                    "max_delay": 4.0,
                }
            },
        ),
    ],
)
@on_loop
async def test_the_opening_message_is_as_configured(
    name: str, config: dict[str, Any], asked: dict[str, Any]
) -> None:
    async with (
        CASES[name].stand_in(*SCRIPT) as vendor,
        hearing(made(name, vendor, 8000, **config), 8000),
    ):
        pass
    assert {field: vendor.said[0].get(field) for field in asked} == asked


@pytest.mark.parametrize(
    ("name", "config", "query"),
    [
        ("deepgram-flux", {"eotThreshold": 0.8, "eotTimeoutMs": 900}, {"eot_threshold": ["0.8"]}),
        (
            "deepgram-flux",
            {"model": "flux-general-multi", "languages": ["en", "es"], "keyterm": ["Vapi"]},
            {"language_hint": ["en", "es"], "keyterm": ["Vapi"]},
        ),
        (
            "cartesia",
            {"model": "ink-2", "language": "fr"},
            {"model": ["ink-2"], "language": ["fr"]},
        ),
        ("11labs", {"model": "scribe_v1"}, {"model_id": ["scribe_v2_realtime"]}),
        ("11labs", {"language": "fr"}, {"language_code": ["fr"], "commit_strategy": ["manual"]}),
        ("xai", {"language": "fr"}, {"language": ["fr"]}),
    ],
)
@on_loop
async def test_the_query_is_as_configured(
    name: str, config: dict[str, Any], query: dict[str, list[str]]
) -> None:
    async with (
        CASES[name].stand_in(*SCRIPT) as vendor,
        hearing(made(name, vendor, 8000, **config), 8000),
    ):
        pass
    (request,) = vendor.asked
    assert {field: request.query.getall(field, []) for field in query} == query


def test_speechmatics_has_an_address_for_each_region() -> None:
    account = {"speechmatics": VendorAccount("key")}
    service: Any = make_transcriber({"provider": "speechmatics", "region": "us"}, account, 8000)
    assert service._url == "wss://us2.rt.speechmatics.com/v2"
