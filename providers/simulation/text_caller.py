"""A caller who converses on a media socket with text: listens, answers, interrupts, presses keys."""

from __future__ import annotations

from providers.simulation.script import Turn, When
from providers.simulation.stage import Stage
from providers.simulation.text_socket import TextSocket

# How long a caller without further turns waits for the assistant to end the call.
LEAVE_SECONDS = 3.0
# The longest text that a caller listens to.
LONGEST_SECONDS = 120.0


def converse_by_text(socket: TextSocket, stage: Stage, patience: float) -> bool:
    """Take the configured turns. Returns whether the caller has to hang up afterwards."""
    told = 0
    for turn in stage.config.turns:
        if not _await(socket, turn.when, told, stage, patience):
            return False
        told = _tell(socket, stage, told)
        _take(socket, stage, turn)
        told = _tell(socket, stage, told)  # what was interrupted
    voice = socket.voice
    if voice.wait(lambda: voice.is_heard or len(voice.lines) > told, patience):
        voice.wait(lambda: not voice.speaks, LONGEST_SECONDS)
    _tell(socket, stage, told)
    return not socket.done.wait(LEAVE_SECONDS)


def _await(socket: TextSocket, when: When, told: int, stage: Stage, patience: float) -> bool:
    """Wait until the turn begins; False when the socket is done."""
    voice = socket.voice
    if when is not When.AT_ONCE:
        heard = voice.wait(lambda: voice.is_heard or len(voice.lines) > told, patience)
        if not heard and not socket.done.is_set():
            stage.problem(f"the caller heard no word in {patience:g} s")
    if when is When.AFTER:
        voice.wait(lambda: not voice.speaks, LONGEST_SECONDS)
    return not socket.done.is_set()


def _take(socket: TextSocket, stage: Stage, turn: Turn) -> None:
    stage.timeline.add("caller", str(turn))
    if turn.wav is not None and not turn.words:
        stage.problem(f"{turn.wav.name}: the carrier's recogniser is not simulated: give words")
    elif turn.words:
        socket.say(turn.words)
    for key in turn.keys:
        socket.press(key)


def _tell(socket: TextSocket, stage: Stage, told: int) -> int:
    """Write down what was heard since."""
    lines = socket.voice.lines[told:]
    for line in lines:
        stage.timeline.add("caller", f"hears: {line}")
    return told + len(lines)
