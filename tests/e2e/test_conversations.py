"""Calls that are talked through a whole bridge: real speech, both carriers, vendors on this machine."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from providers.common.audio import SAMPLE_WIDTH, level
from providers.simulation import speech as simulation_speech
from providers.simulation.assistants import LISTENING
from providers.simulation.scenario import Scenario, play
from providers.simulation.script import Tape, Turn, When
from providers.simulation.stage import Callee, CallerAction, Stage, have_dialled
from providers.twilio import simulator as twilio
from providers.vonage import simulator as vonage
from tests.bridge import Bridge
from tests.databases import fresh_database
from tests.fakes.client_server import Receiver, Reply, Request
from tests.fakes.vendors.aside import aside
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.deepgram_listen import DeepgramListen
from tests.fakes.vendors.server import Asked
from tests.speech import SENTENCES, speech

pytestmark = pytest.mark.any_store  # the subject: sound and vendors

CARRIERS = pytest.mark.parametrize(
    "carrier", [twilio, vonage], ids=lambda carrier: str(carrier.__name__.split(".")[1])
)
SPEECH = Path(__file__).parents[1] / "speech"
DESTINATION = {"type": "number", "number": "+14155550188", "message": "One moment."}
BOOK = {
    "type": "function",
    "function": {
        "name": "bookTable",
        "description": "Books a table.",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
    },
}
GREETING = "Hello and would you like a table?"
LOOKING = "I shall look for a table and that may take me quite some time today"
BOOKED = "Table four is yours."
WINDOWS = "You may sit at the window or right beside the door or even outside in our garden"
OPENING = "At eight."
MESSAGE = "Please call us back."
ANSWERS: Mapping[str, str | tuple[str, list[str]]] = {
    SENTENCES["yes"]: LOOKING,
    SENTENCES["book"]: ("bookTable", ['{"day": ', '"Monday"}']),
    SENTENCES["six"]: WINDOWS,
    SENTENCES["open"]: OPENING,
    SENTENCES["person"]: ("transferCall", ['{"destination": "+14155550188"}']),
}
"""What the model makes of the caller's last words: text, or a tool and its arguments."""


class Clerk(Chat):
    """The model."""

    def events(self, asked: Asked) -> list[bytes]:
        last = asked.body["messages"][-1]
        answer = BOOKED if last["role"] == "tool" else ANSWERS[last["content"]]
        self.text, self.tool = (answer, None) if isinstance(answer, str) else ("", answer)
        return super().events(asked)


class Office(Receiver):
    """The assistant's server: takes messages, and carries out the tool."""

    def take(self, request: Request) -> Reply | None:
        super().take(request)
        message = json.loads(request.body)["message"]
        results = [
            {"toolCallId": call["id"], "result": "table 4"}
            for call in message.get("toolCallList", ())
        ]
        return Reply(body=json.dumps({"results": results}).encode())

    def told(self, kind: str) -> list[dict[str, Any]]:
        bodies = [json.loads(request.body)["message"] for request in list(self.requests)]
        return [body for body in bodies if body["type"] == kind]

    def report(self) -> dict[str, Any]:
        """The one end-of-call-report, once it is there."""
        self.wait_for(lambda _: bool(self.told("end-of-call-report")))
        (report,) = self.told("end-of-call-report")
        return report


@dataclass
class House:
    """A bridge, and the vendors it knows."""

    bridge: Bridge
    clerk: Clerk
    ears: DeepgramListen

    def assistant(self, office: Office, **fields: Any) -> str:
        body = {
            "firstMessage": GREETING,
            "model": {"provider": "openai", "model": "gpt-4o", **fields.pop("model", {})},
            "voice": {"provider": "embedded"},
            "transcriber": {"provider": "deepgram", "model": "nova-2"},
            "startSpeakingPlan": {"waitSeconds": 0.3},
            "server": {"url": office.url},
            **fields,
        }
        return str(self.bridge.api("POST", "/assistant", body, expect=201)["id"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("house")
    clerk, ears = Clerk(), DeepgramListen()
    with fresh_database(directory) as url, aside(clerk, ears):
        environ = {
            "ASSISTANT_BACKEND": "local",
            "OPENAI_API_KEY": "the model's key",
            "OPENAI_BASE_URL": f"{clerk.url}/v1",
            "DEEPGRAM_API_KEY": "the ears' key",
            "DEEPGRAM_BASE_URL": ears.url,
        }
        with Bridge(url, directory, **environ) as bridge:
            yield House(bridge, clerk, ears)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is impatient: each of these seconds is one of the suite."""
    monkeypatch.setattr(simulation_speech, "QUIET_SECONDS", 0.6)
    monkeypatch.setattr(simulation_speech, "OVER_SECONDS", 0.5)


def says(name: str, when: When = When.AFTER) -> Turn:
    return Turn(SPEECH / f"{name}.wav", when=when)


def voiced(pcm: bytes, rate: int) -> float:
    """Seconds of it that hold a voice."""
    step = int(rate * 0.02) * SAMPLE_WIDTH
    return sum(level(pcm[at : at + step]) > 200 for at in range(0, len(pcm), step)) * 0.02


def run(
    carrier: ModuleType, house: House, scenario: Scenario[Any], turns: Sequence[Turn], who: str
) -> Tape:
    """The conversation, which must end as the scenario says; what was said and heard."""
    config = carrier.config_from_environment(house.bridge.environ, assistant_id=who, turns=turns)
    lines: list[str] = []
    with carrier.serve_api(config, config.api_port, out=lines.append) as stage:
        result = play(scenario, stage)
        assert result.ok, "\n".join(lines)
        tape: Tape = stage.tape
        return tape


@CARRIERS
def test_three_turns_interruptions_a_tool_and_a_transfer(carrier: ModuleType, house: House) -> None:
    turns = (
        says("yes"),
        says("book", When.OVER),  # was taken for finished in a pause, and goes on
        says("six"),
        says("open", When.OVER),  # interrupts
        says("person"),
    )
    spoken = ("yes", "book", "six", "open", "person")
    house.ears.script = [SENTENCES[name] for name in spoken]
    tools = [BOOK, {"type": "transferCall", "destinations": [DESTINATION]}]
    with Office() as office:
        who = house.assistant(office, model={"tools": tools})
        conversation = replace(carrier.SCENARIOS["conversation"], reason="assistant-forwarded-call")
        tape = run(carrier, house, conversation, turns, who)
        report = office.report()

    said = [each["message"] for each in report["messages"] if each["role"] == "user"]
    assert said == [SENTENCES[name] for name in spoken]
    answers = [each for each in report["messages"] if each["role"] == "bot"]
    assert [each["message"] for each in answers if not each.get("interrupted")] == [
        GREETING,
        BOOKED,
        OPENING,
        "One moment.",
    ]
    looking, windows = (each["message"] for each in answers if each.get("interrupted"))
    for heard, text in ((looking, LOOKING), (windows, WINDOWS)):
        assert text.startswith(heard)
        assert 0 < len(heard) < len(text)
    assert report["transcript"].count("AI: ") == len(answers)
    assert report["transcript"].count("User: ") == len(spoken)

    (tool,) = office.told("tool-calls")
    assert tool["toolCallList"][0]["function"]["arguments"] == {"day": "Monday"}
    assert report["endedReason"] == "assistant-forwarded-call"
    assert report["call"]["destination"]["number"] == DESTINATION["number"]

    given = json.dumps(house.clerk.asked[-1].body["messages"])
    assert windows in given  # what was heard of it
    assert WINDOWS not in given
    told = sum(voiced(speech(name, tape.rate), tape.rate) for name in spoken)
    assert voiced(bytes(tape.said), tape.rate) == pytest.approx(told, abs=0.3)
    assert voiced(bytes(tape.heard), tape.rate) > 4


@CARRIERS
def test_a_machine_that_the_carrier_hears_is_left_a_message(
    carrier: ModuleType, house: House
) -> None:
    def dialled(stage: Stage) -> None:
        callee = Callee(acts=(CallerAction.CONVERSE,), machine=True)
        have_dialled(stage, callee, assistantOverrides=LISTENING)
        stage.join()

    scenario = Scenario("voicemail", "A machine answers.", dialled, "voicemail")
    house.ears.script = [SENTENCES["voicemail"]]
    with Office() as office:
        who = house.assistant(office, firstMessage="", voicemailMessage=MESSAGE)
        tape = run(carrier, house, scenario, (says("voicemail", When.AT_ONCE),), who)
        report = office.report()
    assert report["endedReason"] == "voicemail"
    assert report["transcript"].endswith(f"AI: {MESSAGE}\n")
    assert voiced(bytes(tape.heard), tape.rate) > 0.5


def test_the_command_line_converses_and_records(house: House, tmp_path: Path) -> None:
    record = tmp_path / "call.wav"
    options = ("--record", str(record), "--ends", "assistant-ended-call")
    output = house.bridge.run("simulate", "twilio", "--say", "+#", *options)
    assert "presses # over the assistant" in output
    with wave.open(str(record)) as file:
        assert file.getnchannels() == 2
        assert voiced(file.readframes(file.getnframes()), file.getframerate()) > 1
