"""Voice, menu and ears as parts of the media engine's pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    FunctionCallResultProperties,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    ServiceMetadataFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.tests.utils import run_test

from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.subprocess_worker import SubprocessWorker
from app.vendors.embedded import espeak, menu, pocketsphinx, pocketsphinx_worker
from app.vendors.embedded import llm as embedded_llm
from app.vendors.embedded.stt import EmbeddedTranscriber, GuessFrame
from app.vendors.embedded.tts import EmbeddedVoice
from app.vendors.stt import make_transcriber
from app.vendors.tts import make_voice
from tests.clock import PATIENCE, on_loop

DESK = {"type": "number", "number": "+14155550100"}
MENU = {
    "1": {"label": "opening hours", "words": ["hours"], "say": "Nine to five."},
    "2": {"say": "One moment.", "then": "transfer", "destination": DESK},
}
PHRASES = ["operator", "opening hours", "goodbye", "appointment"]


async def through(part: FrameProcessor, *frames: Frame) -> tuple[Sequence[Frame], Sequence[Frame]]:
    """Frames sent into a pipeline of one part -> frames that came out below, and above."""
    return await run_test(part, frames_to_send=frames, start_timeout=PATIENCE)


def made_voice(config: Mapping[str, Any], rate: int) -> EmbeddedVoice:
    made = make_voice({"provider": "embedded", **config}, {}, rate)
    assert isinstance(made, EmbeddedVoice)
    return made


def made_transcriber(config: Mapping[str, Any], rate: int) -> EmbeddedTranscriber:
    made = make_transcriber({"provider": "embedded", **config}, {}, rate)
    assert isinstance(made, EmbeddedTranscriber)
    return made


def broken() -> SubprocessWorker:
    """A program that does not start."""
    return SubprocessWorker("program", lambda: ["/no/such/program"], PATIENCE)


# ------------------------------------------------------------------ voice


@pytest.mark.parametrize("rate", [8000, 16000])
@on_loop
async def test_the_voice_speaks_at_the_calls_rate(rate: int) -> None:
    down, up = await through(made_voice({}, rate), TTSSpeakFrame("Nine to five."))
    sound = [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]
    assert {(frame.sample_rate, frame.num_channels) for frame in sound} == {(rate, 1)}
    assert 0.5 < sum(len(frame.audio) for frame in sound) / 2 / rate < 2
    assert [frame.text for frame in down if isinstance(frame, TTSTextFrame)] == ["Nine to five."]
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"voiceId": "xx"}, "no voice 'xx'"),  # only espeak-ng knows that
        ({}, "program"),  # with a program that does not start
    ],
)
@on_loop
async def test_a_voice_that_fails_says_so_in_an_error_frame(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], text: str
) -> None:
    if not config:
        monkeypatch.setattr(espeak, "SPEAKER", broken())
    part = made_voice(config, 8000)
    down, up = await through(part, TTSSpeakFrame("Hello."))
    errors = [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert text in errors[0].error
    assert errors[0].processor is part
    assert not [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"voiceId": "../x"}, "voiceId"),  # a path
        ({"voiceId": 7}, "voiceId"),
        ({"speed": "fast"}, "speed"),
        ({"speed": True}, "speed"),
        ({"speed": 9}, "speed"),  # nobody can follow
    ],
)
def test_a_voice_that_cannot_be(config: dict[str, Any], text: str) -> None:
    with pytest.raises(UnbuildableAssistant, match=text) as raised:
        made_voice(config, 8000)
    assert (raised.value.stage, raised.value.provider) == ("voice", "embedded")


# ------------------------------------------------------------------ menu


def turn(*messages: tuple[str, Any]) -> LLMContextFrame:
    said: list[Any] = [{"role": role, "content": content} for role, content in messages]
    return LLMContextFrame(LLMContext(said))


def texts(frames: Sequence[Frame]) -> list[str]:
    return [frame.text for frame in frames if isinstance(frame, LLMTextFrame)]


@on_loop
async def test_the_menu_answers_as_a_model_does() -> None:
    down, _ = await through(embedded_llm.make({"menu": MENU}), turn(("user", "DTMF: 1")))
    assert [type(frame) for frame in down if not isinstance(frame, ServiceMetadataFrame)] == [
        LLMFullResponseStartFrame,
        LLMTextFrame,
        LLMFullResponseEndFrame,
    ]
    assert texts(down) == ["Nine to five."]


@on_loop
async def test_the_menu_answers_the_callers_last_words() -> None:
    heard = [{"type": "text", "text": "your hours"}, {"type": "image_url", "image_url": {}}]
    system, before = ("system", "Be kind."), ("user", "DTMF: 7")
    cases = [
        turn(system, before, ("assistant", "Nothing."), ("user", heard)),  # parts
        turn(system),  # the assistant begins
        turn(),
        turn(before, ("tool", "done")),  # after a call of its own: nothing
    ]
    down, _ = await through(embedded_llm.make({"menu": MENU}), *cases)
    opening = "This is Patchbay. No AI is connected. For opening hours, press 1."
    opening += " To end the call, press the hash key."
    assert texts(down) == ["Nine to five.", opening, opening]


@on_loop
async def test_the_caller_stays_in_the_menu_below() -> None:
    given = {"1": {"menu": {"1": {"say": "Deep."}}}}
    part = embedded_llm.make({"menu": given})
    down, _ = await through(part, turn(("user", "DTMF: 1")), turn(("user", "DTMF: 1")))
    assert texts(down)[-1] == "Deep."


@pytest.mark.parametrize(
    ("key", "name", "arguments"),
    [
        ("#", "endCall", {}),
        ("2", "transferCall", {"destination": DESK}),
    ],
)
@on_loop
async def test_the_menu_ends_and_transfers_by_the_tools(
    key: str, name: str, arguments: dict[str, Any]
) -> None:
    part, called = embedded_llm.make({"menu": MENU}), list[tuple[str, Any]]()

    async def tool(params: FunctionCallParams) -> None:
        called.append((params.function_name, params.arguments))
        await params.result_callback("", properties=FunctionCallResultProperties(run_llm=False))

    for each in ("endCall", "transferCall"):
        part.register_function(each, tool)
    down, _ = await through(part, turn(("user", f"DTMF: {key}")))
    assert called == [(name, arguments)]
    kinds = [type(frame).__name__ for frame in down]
    assert kinds.index("LLMTextFrame") < kinds.index("FunctionCallResultFrame")


@on_loop
async def test_a_guess_does_not_end_the_call() -> None:
    given = {"1": {"label": "the end", "words": ["goodbye"], "then": "end"}}
    part = embedded_llm.make({"menu": given}, guessed=True)
    down, _ = await through(part, turn(("user", "goodbye")))
    assert texts(down) == ["For the end, press 1."]


@on_loop
async def test_a_menu_sums_nothing_up() -> None:
    assert await embedded_llm.make({}).run_inference(LLMContext([])) is None


# ------------------------------------------------------------------ ears


async def heard(part: EmbeddedTranscriber, said: str, rate: int) -> tuple[list[Frame], list[Frame]]:
    """What comes out when the caller says this."""
    pcm = b"".join([piece async for piece in espeak.speak(said, rate, speed=0.9)])
    sound = [
        InputAudioRawFrame(audio=pcm[at : at + rate // 25], sample_rate=rate, num_channels=1)
        for at in range(0, len(pcm), rate // 25)
    ]
    down, up = await through(
        part, VADUserStartedSpeakingFrame(), *sound, VADUserStoppedSpeakingFrame()
    )
    return list(down), list(up)


@pytest.mark.parametrize("rate", [8000, 16000])
@on_loop
async def test_the_ears_hear_a_word_of_the_menu(rate: int) -> None:
    part = made_transcriber(
        {"words": ["Opening hours!", "operator", "frobnicate", "zu hören"]}, rate
    )
    down, _ = await heard(part, "opening hours", rate)
    guesses = [frame for frame in down if isinstance(frame, GuessFrame)]
    assert [frame.text for frame in guesses] == ["opening hours"]
    assert guesses[0].finalized


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],  # no word of its dictionary
        ["löwe", "a; public <x> = b"],  # no word it can have
    ],
)
@on_loop
async def test_ears_that_know_no_word_hear_nothing(words: list[str]) -> None:
    down, up = await heard(made_transcriber({"words": words}, 8000), "goodbye", 8000)
    assert not [frame for frame in down if isinstance(frame, GuessFrame)]
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]


class HalfHeard:
    """A decoder that got no further than a phrase's first word, as the real one sometimes does."""

    def hyp(self) -> SimpleNamespace:
        return SimpleNamespace(hypstr="opening")

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: True


def test_half_a_phrase_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pocketsphinx_worker, "_decoder", lambda **options: HalfHeard())
    assert pocketsphinx_worker.Pocketsphinx().hear(["opening hours"], b"") == ""
    assert pocketsphinx_worker.Pocketsphinx().hear(["opening"], b"") == "opening"
    assert pocketsphinx_worker.Pocketsphinx().hear([], b"") == "opening"


@on_loop
async def test_dictation_hears_something() -> None:
    pcm = b"".join([piece async for piece in espeak.speak("yes", 16000, speed=0.9)])
    assert await pocketsphinx.listen(pcm, 16000)


@on_loop
async def test_ears_that_fail_say_so_in_an_error_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pocketsphinx, "LISTENERS", (broken(),))
    part = made_transcriber({"words": PHRASES}, 8000)
    _, up = await heard(part, "goodbye", 8000)
    errors = [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert "program" in errors[0].error
    assert errors[0].processor is part


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"language": "de"}, "English"),
        ({"words": "open"}, "list"),
        ({"words": [5]}, "list"),
    ],
)
def test_ears_that_cannot_be(config: dict[str, Any], text: str) -> None:
    with pytest.raises(UnbuildableAssistant, match=text) as raised:
        made_transcriber(config, 8000)
    assert (raised.value.stage, raised.value.provider) == ("transcriber", "embedded")


def test_the_menus_words_are_the_ears() -> None:
    phrases = menu.vocabulary(embedded_llm.make({"menu": MENU}).menu)
    assert made_transcriber({"words": phrases, "language": "en-GB"}, 8000).phrases == ("hours",)
