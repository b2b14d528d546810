"""The simulated caller who converses: when turns begin, what is heard, and what is written of it."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection

from providers.base.media import Audio, Digit, MediaSerializer, StreamStart
from providers.common.audio import SAMPLE_WIDTH, level
from providers.common.dtmf import tone
from providers.simulation import speech
from providers.simulation.caller import perform
from providers.simulation.config import SimulatorConfig
from providers.simulation.media_socket import Ending, MediaSocket
from providers.simulation.script import Tape, Turn, When, options, sound, turn
from providers.simulation.stage import CallerAction, Stage
from providers.simulation.timeline import SimulatorError
from providers.twilio import TWILIO
from providers.twilio.simulator.media import MediaStream
from providers.vonage import VONAGE
from providers.vonage.simulator.media import VonageSocket
from tests.fakes.bridge import Bridge, standing_in

SPEECH = Path(__file__).parents[2] / "speech"
YES, STOP = SPEECH / "yes.wav", SPEECH / "stop.wav"
SHORT, LONG = 0.3, 30.0
"""Seconds of the assistant's words."""
PAUSE = 15
"""Quiet frames after which the caller has finished."""
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses: whatever is said here has none in it."""
    for name in ("QUIET_SECONDS", "OVER_SECONDS", "LEAVE_SECONDS"):
        monkeypatch.setattr(speech, name, 0.2)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with standing_in() as bridge:
        yield bridge


class Talker:
    """An assistant: speaks for ``SHORT``, after the first key without an end until it is
    interrupted, then for ``SHORT``; and closes on ``#``."""

    def __init__(self, serializer: Callable[[], MediaSerializer], rate: int) -> None:
        self.keys = ""
        self.pcm = bytearray()
        self._codec = serializer
        self._rate = rate

    def __call__(self, ws: ServerConnection) -> None:
        codec, quiet = self._codec(), -1
        for message in ws:
            frame = codec.decode(message)
            if isinstance(frame, StreamStart):
                self._speak(ws, codec, SHORT)
            if isinstance(frame, Audio):
                self.pcm += frame.pcm
                if level(frame.pcm) > 200:
                    quiet = 0
                    for command in codec.clear():
                        ws.send(command)
                elif quiet >= 0:
                    quiet += 1
                    if quiet == PAUSE:
                        self._speak(ws, codec, SHORT)
            if isinstance(frame, Digit):
                self.keys += frame.digit
                if frame.digit == "#":
                    return
                self._speak(ws, codec, LONG)

    def _speak(self, ws: ServerConnection, serializer: MediaSerializer, seconds: float) -> None:
        pcm = tone("5", self._rate)
        count = int(seconds * self._rate) * SAMPLE_WIDTH
        for message in serializer.audio((pcm * (count // len(pcm) + 1))[:count]):
            ws.send(message)


def silent(ws: ServerConnection) -> None:
    for _ in ws:
        pass


def stream(url: str) -> MediaStream:
    return MediaStream(
        url, {}, 0, account_sid="AC" + "1" * 32, call_sid="CA" + "1" * 32, parameters={}
    )


def websocket(url: str) -> VonageSocket:
    return VonageSocket(url, {}, 0, content_type="audio/l16;rate=16000", own_headers={})


CARRIERS = pytest.mark.parametrize(
    ("serializer", "made"),
    [(TWILIO.serializer, stream), (VONAGE.serializer, websocket)],
    ids=["twilio", "vonage"],
)


def stage_of(bridge: Bridge, *turns: Turn, record: Path | None = None) -> Stage:
    config = SimulatorConfig(
        bridge_url=bridge.url, api_key="key", number="+1", return_url="", timeout=PATIENCE
    )
    return Stage(replace(config, turns=turns, record=record), out=lambda line: None)


def play(stage: Stage, socket: MediaSocket) -> Ending:
    with stage:
        socket.open()
        ending = perform(CallerAction.CONVERSE, socket, stage, stage.config.timeout)
        if ending is not Ending.CALLER_LEFT:
            socket.leave()
        return ending


def voiced(pcm: bytes, rate: int) -> float:
    """Seconds of it that are loud."""
    step = int(rate * 0.02) * SAMPLE_WIDTH
    return sum(level(pcm[at : at + step]) > 200 for at in range(0, len(pcm), step)) * 0.02


@CARRIERS
def test_a_caller_listens_speaks_interrupts_and_presses_keys(
    bridge: Bridge,
    serializer: Callable[[], MediaSerializer],
    made: Callable[[str], MediaSocket],
    tmp_path: Path,
) -> None:
    record = tmp_path / "both.wav"
    turns = (Turn(keys="12"), Turn(STOP, when=When.OVER), Turn(keys="#"))
    stage, socket = stage_of(bridge, *turns, record=record), made(bridge.media_url)
    talker = Talker(serializer, socket.sample_rate)
    bridge.sockets = talker
    assert play(stage, socket) is Ending.BRIDGE_CLOSED
    assert (talker.keys, stage.problems) == ("12#", [])
    said = sound(STOP, socket.sample_rate)
    assert voiced(bytes(talker.pcm), socket.sample_rate) == pytest.approx(
        voiced(said, socket.sample_rate), abs=0.1
    )  # keys are told, not sounded
    heard = voiced(bytes(stage.tape.heard), socket.sample_rate)
    assert 2 * SHORT + 0.1 < heard < 5  # the rest of LONG was taken back
    with wave.open(str(record)) as file:
        assert file.getparams()[:3] == (2, SAMPLE_WIDTH, socket.sample_rate)
        assert file.getnframes() * SAMPLE_WIDTH == len(stage.tape.said) == len(stage.tape.heard)


@CARRIERS
def test_a_caller_with_nothing_more_to_say_hangs_up(
    bridge: Bridge, serializer: Callable[[], MediaSerializer], made: Callable[[str], MediaSocket]
) -> None:
    socket = made(bridge.media_url)
    bridge.sockets = Talker(serializer, socket.sample_rate)
    assert play(stage_of(bridge), socket) is Ending.CALLER_LEFT


def test_who_hears_nothing_does_not_wait_for_ever(bridge: Bridge) -> None:
    bridge.sockets = silent
    stage = stage_of(bridge, Turn(YES))
    stage.config = replace(stage.config, timeout=0.1)
    assert play(stage, stream(bridge.media_url)) is Ending.CALLER_LEFT
    assert stage.problems[0] == "the caller heard no word in 0.1 s"


@CARRIERS
def test_a_conversation_goes_on_on_the_next_socket(
    bridge: Bridge, serializer: Callable[[], MediaSerializer], made: Callable[[str], MediaSocket]
) -> None:
    first, second = made(bridge.media_url), made(bridge.media_url)
    talker = bridge.sockets = Talker(serializer, first.sample_rate)
    cut, press = Turn(cut=True, answered=False, number=1), Turn(keys="#", number=2)
    stage = stage_of(bridge, cut, press)
    with stage:
        first.open()
        assert perform(CallerAction.CONVERSE, first, stage, PATIENCE) is Ending.DROPPED
        second.open()
        assert perform(CallerAction.CONVERSE, second, stage, PATIENCE) is Ending.BRIDGE_CLOSED
    assert (talker.keys, stage.problems) == ("#", [])
    assert [each.turn.number for each in stage.taken] == [1, 2]
    assert stage.taken[0].began < stage.taken[1].began


def test_an_act_is_over_when_it_has_ended_the_socket(bridge: Bridge) -> None:
    socket = stream(bridge.media_url)
    bridge.sockets = Talker(TWILIO.serializer, socket.sample_rate)
    stage = stage_of(bridge, Turn(act=socket.interrupt), Turn(keys="#"))
    assert play(stage, socket) is Ending.INTERRUPTED
    assert (len(stage.taken), len(stage.turns)) == (1, 1)


def test_a_pause_without_listening_and_silence_that_is_not_answered(
    bridge: Bridge, tmp_path: Path
) -> None:
    Tape(8000, bytearray(3200), bytearray(3200)).write(tmp_path / "quiet.wav")
    bridge.sockets = Talker(TWILIO.serializer, 8000)
    pause = Turn(keys="0", when=When.AT_ONCE, delay=0.3, answered=False)
    quiet = Turn(tmp_path / "quiet.wav", when=When.AT_ONCE, answered=False)
    stage = stage_of(bridge, pause, quiet, Turn(STOP, when=When.AT_ONCE), Turn(keys="#"))
    assert play(stage, stream(bridge.media_url)) is Ending.BRIDGE_CLOSED
    assert stage.problems == []
    first, second, *_ = stage.taken
    assert first.began >= 0.3
    assert second.ended == pytest.approx(second.began + 0.2, abs=0.03)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", Turn(keys="1")),
        ("*0#", Turn(keys="*0#")),
        ("+#", Turn(keys="#", when=When.OVER)),  # not the key "+": a phone has none
        (f"{YES}", Turn(YES)),
        (f"+{YES}", Turn(YES, when=When.OVER)),
        (f":{YES}", Turn(YES, when=When.AT_ONCE)),
    ],
)
def test_turns_as_the_command_line_has_them(text: str, wanted: Turn) -> None:
    assert turn(text) == wanted


@pytest.mark.parametrize("text", ["", "+", "hello.wav", "12x", __file__])
def test_what_is_no_turn_is_said_before_the_call(text: str) -> None:
    with pytest.raises(SimulatorError, match="neither keys nor a WAV file"):
        turn(text)


def test_words_are_spoken_and_files_are_not() -> None:
    spoken: list[str] = []

    def speak(text: str) -> Path:
        spoken.append(text)
        return YES

    said = turn("+Please test the line.", speak)
    assert said == Turn(YES, when=When.OVER, words="Please test the line.")
    assert str(said) == 'says "Please test the line." over the assistant'
    assert turn("12#", speak) == Turn(keys="12#")
    assert turn(f"{YES}", speak) == Turn(YES)
    assert turn("12x", speak).words == "12x"
    for wrong in ("", "+", "  ", "hello.wav", "hello.WAV", __file__):
        with pytest.raises(SimulatorError, match="neither keys nor a WAV file"):
            turn(wrong, speak)
    assert spoken == ["Please test the line.", "12x"]


def test_options_leave_out_what_was_not_given() -> None:
    assert options((), None, None, None) == {}
    chosen = options(("1",), "out.wav", "id", None)
    assert chosen == {
        "turns": (Turn(keys="1"),),
        "record": Path("out.wav"),
        "assistant_id": "id",
        "either_ends": True,
    }
    chosen = options(("#",), None, None, "assistant-ended-call")
    assert chosen == {"turns": (Turn(keys="#"),), "ends": "assistant-ended-call"}


def test_two_channels_become_one_at_the_rate_of_the_line(tmp_path: Path) -> None:
    tape = Tape(8000, bytearray(tone("1", 8000)), bytearray(len(tone("1", 8000))))
    tape.write(tmp_path / "two.wav")
    assert len(sound(tmp_path / "two.wav", 16000)) == pytest.approx(2 * len(tape.said), abs=4)


def test_eight_bits_are_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "small.wav"), "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    with pytest.raises(SimulatorError, match="16 bit"):
        sound(tmp_path / "small.wav", 8000)
