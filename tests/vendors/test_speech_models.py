"""The services of models that hear and speak, alone: what they ask of their vendors."""

from __future__ import annotations

from typing import Any

import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.tests.utils import SleepFrame, run_test

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_parts import Piece, Request, Response, TellFrame
from app.vendors.google.live import Live
from app.vendors.openai.realtime import Realtime
from app.vendors.speech import make_speech_model
from app.vendors.speech_voices import voice_of
from tests.clock import on_loop
from tests.fakes.vendors.gemini_live import GeminiLive
from tests.fakes.vendors.realtime_model import RealtimeModel

BOOK = FunctionSchema("book", "Books.", {"people": {"type": "number"}}, ["people"])
LOOK = FunctionSchema("look", "Looks.", {}, [])


def made(vendor: Any, rate: int = 8000, **more: Any) -> Any:
    """The service at a stand-in. ``more``: ``voice``, ``transcriber``, and fields of the model."""
    is_google = isinstance(vendor, GeminiLive)
    name = ("google", "gemini-3.8-live") if is_google else ("openai", "gpt-realtime")
    given, ears = more.pop("voice", {}), more.pop("transcriber", {})
    model = {"provider": name[0], "model": name[1], **more}
    path = "/v1beta/openai" if is_google else "/v1"
    accounts = {name[0]: VendorAccount("key", f"{vendor.url}{path}")}
    return make_speech_model(model, voice_of(model, given), ears, accounts, rate)


async def run(service: Any, *frames: Frame) -> list[Frame]:
    down, _ = await run_test(service, frames_to_send=list(frames))
    return list(down)


# the line's rate -> the format, and the rate of the speech
FORMATS = {
    8000: ({"type": "audio/pcmu"}, 8000),
    16_000: ({"type": "audio/pcm", "rate": 24_000}, 24_000),
}


@pytest.mark.parametrize("rate", FORMATS)
@on_loop
async def test_a_phones_line_has_mu_law_and_a_wider_one_pcm(rate: int) -> None:
    form, theirs = FORMATS[rate]
    async with RealtimeModel() as vendor:
        down = await run(made(vendor, rate), TTSSpeakFrame("Hello there."))
    [update] = [each for each in vendor.said if each["type"] == "session.update"]
    audio = update["session"]["audio"]
    assert audio["input"]["format"] == audio["output"]["format"] == form
    sounds = [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]
    assert {frame.sample_rate for frame in sounds} == {theirs}
    seconds = sum(len(frame.audio) for frame in sounds) / 2 / theirs
    assert seconds == pytest.approx(len("Hello there.") / 15, abs=0.01)
    assert vendor.complaints == []


@on_loop
async def test_what_openai_is_told_of_the_assistant() -> None:
    voice = {"provider": "openai", "voiceId": "ash", "speed": 3.0}
    ears = {"provider": "deepgram", "language": "de-AT"}
    limits = {"maxTokens": 9000, "reasoningEffort": "low"}  # of no model that thinks
    async with RealtimeModel() as vendor:
        service = made(vendor, voice=voice, transcriber=ears, systemPrompt="Be brief.", **limits)
        service.offer(ToolsSchema([BOOK, LOOK]))
        await run(service, TTSSpeakFrame("Hello."))
    session = vendor.said[0]["session"]
    assert session["instructions"] == "Be brief."
    assert session["audio"]["output"]["speed"] == 1.5
    assert session["audio"]["input"]["transcription"]["language"] == "de"
    assert session["max_output_tokens"] == 4096
    assert "reasoning" not in session
    assert [tool["name"] for tool in session["tools"]] == ["book", "look"]
    assert vendor.complaints == []


@on_loop
async def test_what_google_is_told_of_the_assistant() -> None:
    config = {
        "topP": 0.5,
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }
    async with GeminiLive() as vendor:
        service = made(vendor, realtimeConfig=config, temperature=0.2, maxTokens=300)
        service.offer(ToolsSchema([BOOK, LOOK]))
        await run(service, TTSSpeakFrame("Hello."))
    [session] = vendor.sessions
    generation = session.setup["generationConfig"]
    assert generation["speechConfig"] == config["speechConfig"]
    assert (generation["topP"], generation["temperature"]) == (0.5, 0.2)
    assert generation["maxOutputTokens"] == 300
    declared = session.setup["tools"][0]["functionDeclarations"]
    assert ["parametersJsonSchema" in each for each in declared] == [True, False]
    assert vendor.complaints == []


@on_loop
async def test_tools_that_come_later_are_offered_too() -> None:
    async with RealtimeModel() as vendor:
        service = made(vendor)
        later = Offer(service)
        await run(service, TTSSpeakFrame("Hello."), SleepFrame(2.0), later, SleepFrame(1.0))
    assert [tool["name"] for tool in vendor.said[-1]["session"]["tools"]] == ["book"]
    assert vendor.complaints == []


@on_loop
async def test_google_gets_later_tools_with_another_socket_of_the_session() -> None:
    async with GeminiLive() as vendor:
        service = made(vendor)
        await run(
            service,
            TTSSpeakFrame("Hello."),
            SleepFrame(2.0),
            Offer(service),
            SleepFrame(1.0),
            TTSSpeakFrame("Again."),
        )
    first, second = vendor.sessions
    assert "tools" not in first.setup
    assert second.setup["tools"][0]["functionDeclarations"][0]["name"] == "book"
    assert second.setup["sessionResumption"]["handle"]
    assert vendor.complaints == []


class Offer(TellFrame):
    """Offers a tool when the service comes to it."""

    def __init__(self, service: Any) -> None:
        super().__init__(role="system", text="A tool is there.")
        self._service = service

    @property
    def respond(self) -> bool:  # read once the text is told
        self._service.offer(ToolsSchema([BOOK]))
        return False

    @respond.setter
    def respond(self, _: bool) -> None:
        """Nothing: it never does."""


def test_what_was_heard_of_a_response() -> None:
    """Pieces of 2 s and 3 s, of which the caller heard so many seconds -> what is cut where."""
    response = Response(Request(), pieces=[Piece("a", 0, 10.0, 2.0), Piece("b", 0, 12.0, 3.0)])
    cut = {until: [(p.item, s) for p, s in response.heard(until)] for until in (9, 11, 13, 15)}
    assert cut == {
        9: [("a", 0.0), ("b", 0.0)],
        11: [("a", 1.0), ("b", 0.0)],
        13: [("b", 1.0)],
        15: [],
    }


@pytest.mark.parametrize("kind", [Realtime, Live])
def test_each_says_all_that_a_service_has_to(kind: type) -> None:
    assert not getattr(kind, "__abstractmethods__", frozenset())
