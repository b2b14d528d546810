"""Which transcriber there is, what cannot be made, where it goes, how its failure ends a call."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import UnbuildableAssistant, deny_all
from app.vendors.common.stt_http import HttpTranscriber
from app.vendors.deepgram import stt as deepgram_stt
from app.vendors.failures import transcriber_failure
from app.vendors.registry import stt_parts
from app.vendors.stt import make_transcriber
from providers.events import EndedReason
from tests.vendors.test_http_transcribers import CASES as UTTERANCES


def test_no_transcriber_is_none() -> None:
    assert make_transcriber(None, {}, 8000) is None
    assert make_transcriber({}, {}, 8000) is None


@pytest.mark.parametrize(
    ("config", "account", "text"),
    [
        # names that Vapi has not, and no name
        ({"provider": "shell"}, VendorAccount("key"), "There is no transcriber 'shell'"),
        ({"model": "nova-2"}, VendorAccount("key"), "There is no transcriber None"),
        ({"provider": "vapi"}, VendorAccount("key"), "because it is Vapi's own"),
        (
            {"provider": "deepgram"},
            VendorAccount(),
            "deepgram has no key: set DEEPGRAM_API_KEY, or POST /credential",
        ),
        ({"provider": "custom-transcriber"}, VendorAccount(), "set transcriber.server.url"),
        # an address that would be taken for another
        (
            {"provider": "deepgram"},
            VendorAccount("key", "deepgram.local"),
            "must be a URL address that begins with https://",
        ),
        ({"provider": "gladia"}, VendorAccount("key", "https://x/v2/live"), "without a path"),
        (
            {"provider": "deepgram", "model": "flux-general-multi", "languages": ["x!"]},
            VendorAccount("key"),
            "transcriber.languages",
        ),
        (
            {"provider": "deepgram", "endpointing": "10"},
            VendorAccount("key"),
            "transcriber.endpointing must be a number",
        ),
        (
            {"provider": "deepgram", "smartFormat": 1},
            VendorAccount("key"),
            "transcriber.smartFormat must be a boolean value",
        ),
        (
            {"provider": "deepgram", "keywords": "a"},
            VendorAccount("key"),
            "transcriber.keywords must be an array of strings",
        ),
        (
            {"provider": "deepgram", "endpointing": True},
            VendorAccount("key"),
            "endpointing must be a number",
        ),
        (
            {"provider": "gladia", "region": "moon"},
            VendorAccount("key"),
            "transcriber.region must be one of us-west, eu-west",
        ),
        (
            {
                "provider": "gladia",
                "customVocabularyEnabled": True,
                "customVocabularyConfig": {"vocabulary": [1]},
            },
            VendorAccount("key"),
            "customVocabularyConfig is not valid",
        ),
        (
            {
                "provider": "assembly-ai",
                "speechModel": "universal-3-5-pro",
                "languageCodes": ["x!"],
            },
            VendorAccount("key"),
            "languageCodes",
        ),
        (
            {"provider": "custom-transcriber", "server": {}},
            VendorAccount(),
            "set transcriber.server.url",
        ),
        (
            {"provider": "custom-transcriber", "server": {"url": "file:///etc/passwd"}},
            VendorAccount(),
            "set transcriber.server.url",
        ),
        (
            {
                "provider": "custom-transcriber",
                "server": {"url": "wss://x.example", "headers": {"A": "b\r\nC: d"}},
            },
            VendorAccount(),
            "transcriber.server.headers has a bad 'A'",
        ),
        (
            {
                "provider": "custom-transcriber",
                "server": {"url": "wss://x.example", "headers": [1]},
            },
            VendorAccount(),
            "transcriber.server.headers is not an object",
        ),
    ],
)
def test_what_cannot_be_made_says_what_to_change(
    config: dict[str, Any], account: VendorAccount, text: str
) -> None:
    keys = {str(config.get("provider")): account}
    with pytest.raises(UnbuildableAssistant, match=text.replace("(", r"\(")) as caught:
        make_transcriber(config, keys, 8000)
    assert caught.value.stage == "transcriber"
    assert caught.value.provider == str(config.get("provider"))


def test_deepgrams_own_cloud_never_stands_in_for_an_address_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import deepgram

    def refuse(**_: object) -> None:
        raise TypeError("an argument more")

    # the service looks at the signature, fails, and takes Deepgram's cloud with a line in its log
    monkeypatch.setattr(deepgram, "DeepgramClientEnvironment", refuse)
    with pytest.raises(
        UnbuildableAssistant, match=r"does not take the address ws://127\.0\.0\.1:1"
    ):
        deepgram_stt.make(
            {"provider": "deepgram"}, VendorAccount("k", "http://127.0.0.1:1"), 8000, deny_all
        )


def test_default_addresses_are_the_vendors_own() -> None:
    services = {
        name: make_transcriber({"provider": name}, {name: VendorAccount("key")}, 8000)
        for name, part in stt_parts().items()
        if part.address and name not in UTTERANCES
    }
    found = json.dumps({name: sorted(addresses(service)) for name, service in services.items()})
    assert json.loads(found) == {
        "deepgram": ["wss://api.deepgram.com"],
        "gladia": ["https://api.gladia.io/v2/live"],
        "assembly-ai": ["wss://streaming.assemblyai.com/v3/ws"],
        "talkscriber": ["wss://api.talkscriber.com:9090"],
        "soniox": ["wss://stt-rt.soniox.com/transcribe-websocket"],
        "speechmatics": ["wss://eu2.rt.speechmatics.com/v2"],
        "cartesia": ["wss://api.cartesia.ai/stt/websocket"],
        "11labs": ["wss://api.elevenlabs.io/v1/speech-to-text/realtime"],
        "openai": ["wss://api.openai.com/v1/realtime"],
        "xai": ["wss://api.x.ai/v1/stt"],
    }


@pytest.mark.parametrize(
    ("provider", "account", "url"),
    [
        ("google", VendorAccount("k"), "https://speech.googleapis.com/v1/speech:recognize"),
        (
            "azure",
            VendorAccount("k", extra={"region": "westeurope"}),
            "https://westeurope.stt.speech.microsoft.com/speech/recognition/conversation"
            "/cognitiveservices/v1?language=en-US&format=simple",
        ),
        (
            "azure",  # the address of its voices
            VendorAccount("k", "https://westeurope.tts.speech.microsoft.com"),
            "https://westeurope.stt.speech.microsoft.com/speech/recognition/conversation"
            "/cognitiveservices/v1?language=en-US&format=simple",
        ),
    ],
)
def test_default_addresses_of_an_utterance(provider: str, account: VendorAccount, url: str) -> None:
    service = make_transcriber({"provider": provider}, {provider: account}, 8000)
    assert isinstance(service, HttpTranscriber)
    assert service._ask(b"").url == url


def addresses(service: Any) -> set[str]:
    if hasattr(service, "_client"):
        return {service._client._client_wrapper.get_environment().production}
    url: str = getattr(service, "_url", None) or service._api_endpoint_base_url
    return {url.partition("?")[0]}


def test_how_a_failed_transcriber_ends_the_call() -> None:
    reasons = {name: transcriber_failure(name) for name in stt_parts()}
    assert reasons.pop("deepgram") is EndedReason.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED
    assert set(reasons.values()) == {EndedReason.ASSISTANT_ERROR}


def test_embedded_ears_are_made_in_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    ears = SimpleNamespace(make=lambda config, _, rate, __: (config["words"], rate))
    monkeypatch.setitem(sys.modules, "app.vendors.embedded.stt", ears)
    made = make_transcriber({"provider": "embedded", "words": ["yes"]}, {}, 8000)
    assert made == (["yes"], 8000)


def test_choosing_loads_no_engine() -> None:
    """The control plane may look at a transcriber; the engine takes two seconds to import."""
    source = "import app.vendors.stt, sys; sys.exit('pipecat' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0
