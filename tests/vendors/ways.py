"""Every way on which this program goes to a client's address, each with its error's text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from pipecat.frames.frames import ErrorFrame, TTSSpeakFrame
from pipecat.tests.utils import run_test

from app.assistants.relay import Relay
from app.delivery.request import ServerRequest
from app.domain.services.media import StreamClaim
from app.media.backend import AssistantFailed
from app.net.addresses import allowed
from app.net.connections import Connections
from app.net.http import SendError, post
from app.net.threads import run_in_thread
from app.settings import Settings
from app.vendors import registry
from app.vendors.common.account import VendorAccount, VendorAccounts
from app.vendors.common.errors import UnbuildableAssistant, as_websocket
from app.vendors.common.stt_http import HttpTranscriber
from app.vendors.common.tts_part import Custom
from app.vendors.llm import make_model
from app.vendors.one_shot import OneShotModel
from app.vendors.speech import make_speech_model
from app.vendors.speech_voices import voice_of
from app.vendors.stt import make_transcriber
from app.vendors.tts import make_voice
from app.wiring import ask_model
from tests.vendors.hearing import hearing
from tests.vendors.speaking import speak
from tests.vendors.turn import turn

SPEAKING = {"openai": "gpt-realtime", "google": "gemini-3.8-live"}
"""A model of each vendor that has such ones."""
SECONDS = 30.0
RATE = 8000
PUBLIC_ONLY = partial(allowed, allow_private=False)
SETTINGS = cast("Settings", SimpleNamespace(allow_private_server_urls=False, vendors=()))

# A URL in, the texts of the errors out.
Go = Callable[[str], Awaitable[str]]


@dataclass(frozen=True)
class Way:
    """``code``: ways with the same code differ in nothing but data."""

    name: str
    code: str
    go: Go


def account(vendor: str, url: str) -> VendorAccounts:
    """As a client stores it."""
    return {vendor: VendorAccount("key", url, client_supplied=True)}


async def speaks(vendor: str, url: str) -> str:
    config = {"provider": vendor, "voiceId": "luna", "server": {"url": url}}
    try:
        made = make_voice(config, account(vendor, url), RATE, custom=Custom(PUBLIC_ONLY))
    except UnbuildableAssistant as error:
        return str(error)
    return str((await speak(made, ["Hello."], RATE, patience=0.15)).errors)


async def hears(vendor: str, url: str) -> str:
    config = {"provider": vendor, "server": {"url": as_websocket(url)}}
    try:
        made = make_transcriber(config, account(vendor, url), RATE, PUBLIC_ONLY)
    except UnbuildableAssistant as error:
        return str(error)
    assert made is not None
    with (
        patch("pipecat.services.deepgram.stt.exponential_backoff_time", lambda *_, **__: 0.0),
        patch("pipecat.services.websocket_service.exponential_backoff_time", lambda *_, **__: 0.0),
    ):
        async with hearing(made, RATE) as room:
            asks_later = isinstance(made, HttpTranscriber)  # once the caller has spoken
            if asks_later:
                await room.say("book")
                await room.stop_speaking()
            await room.until(lambda: bool(room.errors) and (asks_later or not made.is_usable))
    return str([error.error for error in room.errors])


async def thinks(vendor: str, url: str) -> str:
    config = {"provider": vendor, "model": "a-model", "url": url}
    try:
        made = make_model(config, account(vendor, url), addresses=PUBLIC_ONLY)
    except UnbuildableAssistant as error:
        return str(error)
    return str([error.error for error in (await turn(made)).errors])


async def converses(vendor: str, url: str) -> str:
    """A model that hears and speaks by itself."""
    model = {"provider": vendor, "model": SPEAKING[vendor]}
    made = make_speech_model(
        model, voice_of(model, {}), {}, account(vendor, url), RATE, PUBLIC_ONLY
    )
    _, up = await run_test(made, frames_to_send=[TTSSpeakFrame("Hello.")])
    return str([frame.error for frame in up if isinstance(frame, ErrorFrame)])


async def answers(vendor: str, url: str) -> str:
    """One question after the call, for its analysis."""
    config = {"provider": vendor, "model": "a-model", "url": url}
    ask = OneShotModel(partial(ask_model, SETTINGS))
    asked = ({"role": "user", "content": "How was it?"},)
    answer = await run_in_thread(lambda: ask(config, account(vendor, url), asked, SECONDS))
    return answer.error or ""


async def relays(url: str) -> str:
    transport = SimpleNamespace(url=as_websocket(url), headers={})
    claim: Any = SimpleNamespace(
        stream_url=transport.url, assistant=SimpleNamespace(transport=transport)
    )
    try:
        await Relay(cast("StreamClaim", claim))._open(PUBLIC_ONLY)
    except AssistantFailed as error:
        return str(error)
    return ""


async def asks(url: str) -> str:
    """Assistant requests and tools."""
    ask = ServerRequest(SETTINGS)
    reply = await run_in_thread(lambda: ask(url, "id", b"{}", {}, SECONDS))
    return reply.error or ""


async def tells(url: str) -> str:
    """Server messages, as ``Sender`` sends them."""
    kept = Connections()
    try:
        answer = await run_in_thread(lambda: post(url, b"{}", {}, SECONDS, False, connections=kept))
    except SendError as error:
        return str(error)
    return answer.body.decode()


def ways() -> list[Way]:
    """By the registry: a new vendor is a way at once."""
    return [
        *(
            Way(f"voice {name}", part.make, partial(speaks, name))
            for name, part in registry.tts_parts().items()
            if not part.speaks_by_itself
        ),
        *(
            Way(f"transcriber {name}", part.make, partial(hears, name))
            for name, part in registry.stt_parts().items()
            if part.address or name == "custom-transcriber"
        ),
        *(
            Way(f"model {name}", part.make, partial(thinks, name))
            for name, part in registry.llm_parts().items()
            if registry.VENDORS[name].env_prefix
        ),
        *(
            Way(f"speech to speech {name}", vendor.speech.make, partial(converses, name))
            for name, vendor in registry.VENDORS.items()
            if vendor.speech
        ),
        *(
            Way(f"analysis {name}", part.one_shot, partial(answers, name))
            for name, part in registry.llm_parts().items()
            if registry.VENDORS[name].env_prefix
        ),
        Way("stream", "stream", relays),
        Way("assistant request, tool", "ask", asks),
        Way("server message", "tell", tells),
    ]


def one_of_each() -> list[Way]:
    """One for each code."""
    return [*{way.code: way for way in reversed(ways())}.values()][::-1]
