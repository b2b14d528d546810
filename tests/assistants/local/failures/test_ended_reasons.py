"""Every way a vendor, a server or a tool can fail in a call, and the reason the call ends with.

Each row is a whole call on a carrier's socket against stand-ins that speak the vendors' own
protocols. The calls of a table go on at the same time: most of their seconds are waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from app.assistants.local import observer
from app.domain.assistant.config import NO_TRANSCRIBER
from app.net import httpx_client
from app.vendors.common import connect_timeout, pinned_sockets, tts_http
from app.vendors.common.account import VendorAccount
from providers.events import EndedReason as R
from tests.assistants.local.talk import talking, together, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.fakes.vendors import anthropic, chat
from tests.fakes.vendors.anthropic import Anthropic
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.served import Fault, Served
from tests.vendors.cases import BY_PROVIDER
from tests.vendors.transcriber_cases import CASES as EARS

GENERATE = "assistant-speaks-first-with-model-generated-message"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are short, and pauses before the next attempt are none."""
    deadlines = observer.Deadlines(model=2.0, voice=2.0, transcriber=0.3, unheard=2)
    monkeypatch.setattr(observer, "DEADLINES", deadlines)
    monkeypatch.setattr(httpx_client, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(connect_timeout, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(pinned_sockets, "OPEN_SECONDS", 1.0)
    monkeypatch.setattr(tts_http, "ANSWER_SECONDS", 1.0)
    for module in ("deepgram.stt", "websocket_service"):
        where = f"pipecat.services.{module}.exponential_backoff_time"
        monkeypatch.setattr(where, lambda *_, **__: 0.0)


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    reason: R | None
    message: str | None
    transcript: str


def reasons(found: Mapping[str, Ended]) -> dict[str, R | None]:
    return {name: ended.reason for name, ended in found.items()}


# ------------------------------------------------------------------ models


@dataclass(frozen=True)
class Model:
    """A vendor's model that fails."""

    provider: str
    fault: Fault
    reason: R
    says: str = ""
    """Part of what the operator reads."""
    fallbacks: tuple[str, ...] = ()
    kind: type[Served] = Chat
    faults: int = 20
    """How many requests fail."""


SERVER_ERROR = Fault(500)
MODELS = {
    # the vendor's server fails, also when it is asked a second time
    "openai 500": Model("openai", SERVER_ERROR, R.PIPELINE_ERROR_OPENAI_LLM_FAILED, "500"),
    # a key that is none
    "openai 401": Model(
        "openai", Fault(401, chat.WRONG_KEY), R.PIPELINE_ERROR_OPENAI_LLM_FAILED, "401"
    ),
    # nothing left on the account
    "openai quota": Model(
        "openai", Fault(429, chat.QUOTA), R.PIPELINE_ERROR_OPENAI_LLM_FAILED, "quota"
    ),
    # the stream breaks off in the middle of a sentence
    "openai cut": Model("openai", Fault(cut_after=3), R.PIPELINE_ERROR_OPENAI_LLM_FAILED),
    # the request is taken, and nothing comes
    "openai silent": Model(
        "openai", Fault(silent=True), R.PIPELINE_ERROR_OPENAI_LLM_FAILED, "no answer in time"
    ),
    # another server answers, or the right one with something else
    "custom-llm page": Model(
        "custom-llm",
        Fault(instead=(b"<h1>Sign in</h1>", "text/html")),
        R.PIPELINE_ERROR_CUSTOM_LLM_LLM_FAILED,
        "Sign in",
    ),
    "fallbacks empty": Model(
        "openai",
        Fault(instead=(b"{}", "application/json")),
        R.PIPELINE_NO_AVAILABLE_LLM_MODEL,
        "no answer",
        ("b",),
    ),
    # the connection breaks before any answer
    "openai gone": Model("openai", Fault(refused=True), R.PIPELINE_ERROR_OPENAI_LLM_FAILED),
    # the other vendors, each with one of these
    "azure-openai": Model(
        "azure-openai", Fault(401, chat.WRONG_KEY), R.PIPELINE_ERROR_AZURE_OPENAI_LLM_FAILED
    ),
    "together-ai": Model("together-ai", SERVER_ERROR, R.PIPELINE_ERROR_TOGETHER_AI_LLM_FAILED),
    "anyscale": Model("anyscale", Fault(refused=True), R.PIPELINE_ERROR_ANYSCALE_LLM_FAILED),
    "openrouter": Model(
        "openrouter", Fault(429, chat.QUOTA), R.PIPELINE_ERROR_OPENROUTER_LLM_FAILED
    ),
    "perplexity-ai": Model(
        "perplexity-ai", Fault(cut_after=3), R.PIPELINE_ERROR_PERPLEXITY_AI_LLM_FAILED
    ),
    "deepinfra": Model("deepinfra", Fault(silent=True), R.PIPELINE_ERROR_DEEPINFRA_LLM_FAILED),
    "runpod": Model("runpod", SERVER_ERROR, R.PIPELINE_ERROR_RUNPOD_LLM_FAILED),
    "groq": Model("groq", Fault(401, chat.WRONG_KEY), R.PIPELINE_ERROR_GROQ_LLM_FAILED),
    "custom-llm": Model("custom-llm", SERVER_ERROR, R.PIPELINE_ERROR_CUSTOM_LLM_LLM_FAILED, "500"),
    "anthropic": Model(
        "anthropic",
        Fault(529, anthropic.OVERLOADED),
        R.PIPELINE_ERROR_ANTHROPIC_LLM_FAILED,
        "verload",
        kind=Anthropic,
    ),
    # every model of several fails, at once and by silence
    "fallbacks 500": Model(
        "openai", SERVER_ERROR, R.PIPELINE_NO_AVAILABLE_LLM_MODEL, "500", ("b", "c")
    ),
    "fallbacks 401": Model(
        "groq", Fault(401, chat.WRONG_KEY), R.PIPELINE_NO_AVAILABLE_LLM_MODEL, "401", ("b",)
    ),
    "fallbacks silent": Model(
        "openai", Fault(silent=True), R.PIPELINE_NO_AVAILABLE_LLM_MODEL, "in time", ("b",)
    ),
}


async def with_model(row: Model) -> Ended:
    """The model is to speak first, so nobody need say anything."""
    async with row.kind() as served, vendors("Hello.") as theirs:
        served.faults = [row.fault] * row.faults
        model = {"provider": row.provider, "model": "a", "fallbackModels": list(row.fallbacks)}
        if row.provider == "custom-llm":
            model["url"] = f"{served.url}/v1"
        keys = {row.provider: VendorAccount("key", served.url)}
        assistant = {"firstMessageMode": GENERATE, "model": model}
        async with talking(TwilioCaller(), assistant, theirs, keys=keys) as call:
            await call.end()
    if row.fallbacks:
        assert {each.body["model"] for each in served.asked} == {"a", *row.fallbacks}
    return Ended(call.reason, call.message, call.transcript)


@on_loop
async def test_a_model_that_fails() -> None:
    found = await together(MODELS, with_model)
    assert reasons(found) == {name: row.reason for name, row in MODELS.items()}
    for name, row in MODELS.items():
        message = found[name].message or ""
        assert message.startswith(f"{row.provider} (model): ")
        assert row.says in message
        assert "key" not in message.replace("API key", "").replace("api-key", "")


RESCUED = {
    # a refusal, which is not asked twice
    "401": Fault(401, chat.WRONG_KEY),
    # the stream breaks off: what was said stays said
    "cut": Fault(cut_after=3),
    # nothing comes in time
    "silent": Fault(silent=True),
}


async def with_fallback(fault: Fault) -> Ended:
    async with Chat("I am here.") as served, vendors("Yes.", "Yes.") as theirs:
        served.faults = [fault]
        model = {"provider": "groq", "model": "a", "fallbackModels": ["b"]}
        assistant = {"firstMessageMode": GENERATE, "model": model}
        keys = {"groq": VendorAccount("key", served.url)}
        async with talking(VonageCaller(), assistant, theirs, keys=keys) as call:
            await call.said("I am here.")
            call.say("yes")
            await call.until(lambda: call.transcript.count("I am here.") > 1)
        assert [each.body["model"] for each in served.asked] == ["a", "b", "b"]
    return Ended(call.reason, call.message, call.transcript)


@on_loop
async def test_the_next_model_takes_over() -> None:
    """And keeps the call."""
    found = await together(RESCUED, with_fallback)
    assert reasons(found) == dict.fromkeys(RESCUED)


@on_loop
async def test_the_operators_model_takes_over() -> None:
    """Of another vendor: the assistant's own has no key."""
    async with Chat("I am here.") as served, vendors() as theirs:
        assistant = {"firstMessageMode": GENERATE, "model": {"provider": "xai", "model": "a"}}
        keys = {"groq": VendorAccount("key", served.url)}
        settings = {"fallback_model": {"provider": "groq", "model": "b"}}
        async with talking(TwilioCaller(), assistant, theirs, keys=keys, settings=settings) as call:
            await call.said("I am here.")
        [item] = [each for each in call.domain.spent if each["type"] == "model"]
    assert call.reason is None
    assert item["model"] == {"provider": "groq", "model": "b"}


@on_loop
async def test_a_model_that_cannot_be_built() -> None:
    """No account, and so no model: the caller is not kept waiting."""
    async with vendors("Hello.") as theirs:
        assistant = {"model": {"provider": "anthropic", "model": "claude"}}
        async with talking(TwilioCaller(), assistant, theirs) as call:
            assert await call.end() is R.PIPELINE_NO_AVAILABLE_LLM_MODEL
    assert call.message is not None
    assert "anthropic has no key" in call.message


# ------------------------------------------------------------------ voices


@dataclass(frozen=True)
class Voice:
    """A vendor's voice that fails."""

    provider: str
    faults: Mapping[str, Any]
    """Of its stand-in."""
    reason: R
    says: str = ""
    """Part of what the operator reads."""
    replies: str = "Hello my dear. How are you today?"
    """What the model gives it; two sentences are two tries."""


DOWN = {"status": 500, "says": "down"}
VOICES = {
    # each vendor's server fails
    "openai 500": Voice("openai", DOWN, R.PIPELINE_ERROR_OPENAI_VOICE_FAILED, "HTTP 500"),
    "deepgram 500": Voice("deepgram", DOWN, R.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED, "HTTP 500"),
    "11labs 500": Voice("11labs", DOWN, R.PIPELINE_ERROR_ELEVEN_LABS_VOICE_FAILED, "HTTP 500"),
    "azure 500": Voice("azure", DOWN, R.PIPELINE_ERROR_AZURE_VOICE_FAILED, "HTTP 500"),
    "rime-ai 500": Voice("rime-ai", DOWN, R.PIPELINE_ERROR_RIME_AI_VOICE_FAILED, "HTTP 500"),
    # those that are out of business, at an address of one's own
    "playht": Voice("playht", DOWN, R.PIPELINE_ERROR_PLAYHT_VOICE_FAILED, "HTTP 500"),
    "lmnt": Voice("lmnt", {"silent": True}, R.PIPELINE_ERROR_LMNT_VOICE_FAILED, "no sound"),
    "neets": Voice("neets", {"cut": True}, R.PIPELINE_ERROR_NEETS_VOICE_FAILED, "broke off"),
    # a key that is none, at the handshake
    "deepgram 401": Voice(
        "deepgram", {"status": 401}, R.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED, "HTTP 401"
    ),
    # nothing left on the account; a second error, "no audio", follows and tells nothing
    "11labs quota": Voice(
        "11labs",
        {"refuses": "quota_exceeded", "says": "0 credits"},
        R.PIPELINE_ERROR_ELEVEN_LABS_QUOTA_EXCEEDED,
        "quota_exceeded: 0 credits",
    ),
    # no such voice
    "11labs unknown": Voice(
        "11labs",
        {"refuses": "voice_id_does_not_exist", "says": "A voice with this id does not exist."},
        R.PIPELINE_ERROR_ELEVEN_LABS_VOICE_NOT_FOUND,
        "does not exist",
    ),
    # sentences break off in the middle
    "openai cut": Voice("openai", {"cut": True}, R.PIPELINE_ERROR_OPENAI_VOICE_FAILED, "broke off"),
    # everything is taken, and there is no sound
    "openai silent": Voice("openai", {"silent": True}, R.PIPELINE_ERROR_OPENAI_VOICE_FAILED),
    "deepgram silent": Voice("deepgram", {"silent": True}, R.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED),
    "11labs silent": Voice("11labs", {"silent": True}, R.PIPELINE_ERROR_ELEVEN_LABS_VOICE_FAILED),
    # the handshake is taken, and nothing comes: it is made while the call is put together
    "rime-ai hangs": Voice("rime-ai", {"hangs": True}, R.PIPELINE_ERROR_RIME_AI_VOICE_FAILED),
    "11labs hangs": Voice("11labs", {"hangs": True}, R.PIPELINE_ERROR_ELEVEN_LABS_VOICE_FAILED),
    # a voice without a reason of its own: what it was to say
    "cartesia": Voice("cartesia", DOWN, R.PIPELINE_ERROR_FIRST_MESSAGE_FAILED, "HTTP 500"),
    "custom-voice": Voice("custom-voice", DOWN, R.PIPELINE_ERROR_FIRST_MESSAGE_FAILED, "HTTP 500"),
}


async def with_voice(row: Voice) -> Ended:
    voice = BY_PROVIDER[row.provider]
    async with voice.standin(**row.faults) as standin, vendors("", replies=row.replies) as theirs:
        config: dict[str, Any] = {"provider": row.provider, "voiceId": "luna"}
        if row.provider == "custom-voice":
            config["server"] = {"url": f"{standin.url}/say"}
        model = {"provider": "groq", "model": "a"}
        assistant = {
            "firstMessageMode": GENERATE,
            "voice": config,
            "model": model,
            "transcriber": NO_TRANSCRIBER,  # Deepgram is one too, at the same address
        }
        keys = {
            row.provider: VendorAccount("key", standin.url + voice.path),
            "groq": VendorAccount("key", f"{theirs.chat.url}/v1"),
        }
        async with talking(TwilioCaller(), assistant, theirs, keys=keys) as call:
            await call.end()
    return Ended(call.reason, call.message, call.transcript)


@on_loop
async def test_a_voice_that_fails() -> None:
    found = await together(VOICES, with_voice)
    assert reasons(found) == {name: row.reason for name, row in VOICES.items()}
    for name, row in VOICES.items():
        message = found[name].message or ""
        assert message.startswith(f"{row.provider} (voice): ")
        assert row.says in message, name
        if "cut" not in row.faults:
            assert found[name].transcript == "", f"{name}: nobody has heard anything"


# ------------------------------------------------------------------ transcribers


@dataclass(frozen=True)
class Ear:
    """A vendor's transcriber that fails."""

    provider: str
    faults: Mapping[str, Any]
    reason: R
    says: str = ""
    talks: bool = False
    """The caller speaks: it shows only then."""


DEAF = R.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED
TRANSCRIBERS = {
    # a key that is none
    "deepgram 401": Ear("deepgram", {"status": 401}, DEAF, "401"),
    # the server fails, each time it is asked
    "deepgram 500": Ear("deepgram", {"status": 500}, DEAF, "500"),
    # the handshake is taken, and nothing comes
    "deepgram hangs": Ear("deepgram", {"hangs": True}, DEAF, "not connected within"),
    # sockets break again and again
    "deepgram cut": Ear("deepgram", {"cut_after": 3200}, DEAF),
    # it hears, and never understands anything
    "deepgram mute": Ear("deepgram", {"mute": True}, DEAF, "no text in time", talks=True),
    # it takes sound, and closes in order
    "deepgram closes": Ear(
        "deepgram", {"mute": True, "close_after": 3200}, DEAF, "1000 no credit left"
    ),
    # the others have no reason of their own
    "gladia": Ear("gladia", {"status": 401}, R.ASSISTANT_ERROR, "401"),
    "custom-transcriber": Ear(
        "custom-transcriber", {"mute": True}, R.ASSISTANT_ERROR, "no text in time", talks=True
    ),
}


async def with_ears(row: Ear) -> Ended:
    async with EARS[row.provider].stand_in("Yes.") as vendor, vendors("Yes.") as theirs:
        for name, value in row.faults.items():
            setattr(vendor, name, value)
        config: dict[str, Any] = {"provider": row.provider}
        if row.provider == "custom-transcriber":
            config["server"] = {"url": f"{vendor.url}/hear".replace("http", "ws")}
        keys = {row.provider: VendorAccount("key", vendor.url)}
        assistant = {"transcriber": config, **({"firstMessage": "Hi."} if row.talks else {})}
        async with talking(VonageCaller(), assistant, theirs, keys=keys) as call:
            if row.talks:
                await call.said("Hi.")
                call.say("book")
                call.pause(0.5)
                call.say("book")
            await call.end()
    return Ended(call.reason, call.message, call.transcript)


@on_loop
async def test_a_transcriber_that_fails() -> None:
    found = await together(TRANSCRIBERS, with_ears)
    assert reasons(found) == {name: row.reason for name, row in TRANSCRIBERS.items()}
    for name, row in TRANSCRIBERS.items():
        message = found[name].message or ""
        assert message.startswith(f"{row.provider} (transcriber): ")
        assert row.says in message
