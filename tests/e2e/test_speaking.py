"""A call with the assistant that speaks, through a whole bridge: all that its report holds."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import Iterator
from typing import Any

import pytest

from app.media.recording.recorder import WIDTH
from providers.common.audio import audioop
from tests.assistants.local.talk import MODEL, TRANSCRIBER, vendors
from tests.bridge import Bridge
from tests.clock import in_real_time
from tests.databases import fresh_database
from tests.e2e.test_reports import forget_the_dead
from tests.fakes.carriers.phone import phoning
from tests.fakes.client_server import Receiver
from tests.fakes.vendors.threaded import threaded
from tests.spawner import WarmBridge

pytestmark = pytest.mark.any_store  # the subject: sound and vendors

UNDERSTOOD = "I would like to book a table."
SAID = "Surely, for how many people?"
FIRST = "Hello, this is the restaurant."
PROMPT = "You take bookings."


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge whose vendors are stand-ins, by its environment."""
    directory = tmp_path_factory.mktemp("bridge")
    with (
        threaded(vendors(*[UNDERSTOOD] * 9, replies=SAID)) as theirs,
        fresh_database(directory) as url,
        WarmBridge(
            url,
            directory,
            ASSISTANT_BACKEND="local",
            OPENAI_API_KEY="key",
            OPENAI_BASE_URL=f"{theirs.chat.url}/v1",
            DEEPGRAM_API_KEY="key",
            DEEPGRAM_BASE_URL=theirs.ears.url,
            RECORDINGS_DIR=str(directory / "recordings"),
        ) as bridge,
    ):
        yield bridge


def assistant(receiver: Receiver) -> dict[str, Any]:
    return {
        "firstMessage": FIRST,
        "model": {**MODEL, "messages": [{"role": "system", "content": PROMPT}]},
        "transcriber": TRANSCRIBER,
        "voice": {"provider": "embedded"},
        "startSpeakingPlan": {"waitSeconds": 0.3},
        "server": {"url": receiver.url},
    }


@pytest.mark.parametrize("carrier", ["twilio", "vonage"])
@in_real_time
async def test_what_stays_after_a_call(carrier: str, talkative: Bridge, receiver: Receiver) -> None:
    call = await asyncio.to_thread(talkative.create, carrier, assistant=assistant(receiver))
    async with phoning(carrier, call) as phone:
        await phone.hears(1)
        phone.say("book")
        await phone.hears(2)
        done = {"type": "end-call"}
        await asyncio.to_thread(talkative.api, "POST", f"/call/{call['id']}/control", done)
        await phone.socket.wait_closed()
    report = await asyncio.to_thread(the_report, receiver)
    _check_words(report)
    _check_costs(report)
    _check_sides(talkative, report)
    kinds = {message["type"] for message in messages(receiver)}
    assert {"speech-update", "conversation-update", "status-update"} <= kinds
    assert "transcript" not in kinds  # for those who list it


@in_real_time
async def test_kill_9_in_the_middle_of_a_conversation(
    talkative: Bridge, receiver: Receiver
) -> None:
    """What was said and heard before is in the report that the next process sends."""
    call = await asyncio.to_thread(talkative.create, "twilio", assistant=assistant(receiver))
    async with phoning("twilio", call) as phone:
        await phone.hears(1)
        phone.say("book")
        await phone.hears(2)
        await asyncio.to_thread(talkative.kill)
    await asyncio.to_thread(forget_the_dead, talkative)
    await asyncio.to_thread(talkative.start)
    done = {"type": "end-call"}
    await asyncio.to_thread(talkative.api, "POST", f"/call/{call['id']}/control", done)
    report = await asyncio.to_thread(the_report, receiver)
    assert UNDERSTOOD in report["transcript"]
    assert report["analysis"]["summary"] == SAID
    _check_sides(talkative, report)


def messages(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.body)["message"] for request in receiver.requests]


def the_report(receiver: Receiver) -> dict[str, Any]:
    receiver.wait_for(lambda came: any(b'"type":"end-of-call-report"' in r.body for r in came))
    return next(each for each in messages(receiver) if each["type"] == "end-of-call-report")


def _check_words(report: dict[str, Any]) -> None:
    said = [(each["role"], each["message"]) for each in report["messages"]]
    assert said[:3] == [("system", PROMPT), ("bot", FIRST), ("user", UNDERSTOOD)]
    assert said[3][0] == "bot"
    assert report["transcript"].startswith(f"AI: {FIRST}\nUser: {UNDERSTOOD}\nAI: Surely")
    assert report["artifact"]["transcript"] == report["transcript"]
    assert report["artifact"]["messages"] == report["messages"]
    assert report["artifact"]["messagesOpenAIFormatted"][1] == {
        "role": "assistant",
        "content": FIRST,
    }
    assert report["summary"] == report["analysis"]["summary"] == SAID
    assert report["analysis"]["successEvaluation"] == SAID
    assert report["call"]["artifact"]["recording"]["stereoUrl"] == report["stereoRecordingUrl"]


def _check_costs(report: dict[str, Any]) -> None:
    known = report["costBreakdown"]
    assert (known["llmPromptTokens"], known["llmCompletionTokens"]) == (42, 17)
    assert known["llm"] == pytest.approx(42 * 2.5e-6 + 17 * 10e-6)
    assert known["stt"] > 0
    assert known["ttsCharacters"] >= len(FIRST)
    assert (known["tts"], known["vapi"]) == (0, 0)
    assert known["analysisCostBreakdown"]["summaryPromptTokens"] == 42
    assert report["cost"] == pytest.approx(sum(each["cost"] for each in report["costs"]))


def _check_sides(bridge: Bridge, report: dict[str, Any]) -> None:
    """The caller is on the left, the assistant on the right, each where they spoke."""
    url = report["stereoRecordingUrl"]
    part = bridge.http.request("GET", url, headers={"Range": "bytes=0-3"})
    assert (part.status, part.data) == (206, b"RIFF")
    with wave.open(io.BytesIO(bridge.http.request("GET", url).data)) as sound:
        assert sound.getnchannels() == 2
        rate, frames = sound.getframerate(), sound.readframes(sound.getnframes())
    left, right = (audioop.tomono(frames, WIDTH, *side) for side in ((1, 0), (0, 1)))
    caller, assistant = _loud(left, rate), _loud(right, rate)
    assert assistant[0] < caller[0] < assistant[-1]  # it greets, is asked, and answers
    assert not set(caller) & set(assistant)
    mono = bridge.http.request("GET", report["artifact"]["recording"]["mono"]["combinedUrl"])
    with wave.open(io.BytesIO(mono.data)) as sound:
        assert (sound.getnchannels(), sound.getnframes()) == (1, len(left) // WIDTH)


def _loud(pcm: bytes, rate: int) -> list[int]:
    """Tenths of a second that hold a voice."""
    step = rate // 10 * WIDTH
    return [n for n in range(len(pcm) // step) if audioop.rms(pcm[n * step :][:step], WIDTH) > 300]
