"""What a simulated caller does on an open media socket, in any carrier's protocol."""

from __future__ import annotations

from collections.abc import Mapping

from providers.simulation.media_socket import Ending, MediaSocket
from providers.simulation.speech import converse
from providers.simulation.stage import CallerAction, Stage
from providers.simulation.text_caller import converse_by_text
from providers.simulation.text_socket import TextSocket

# A third of a second: long enough to hear whether the assistant answers.
TALK_FRAMES = 15


# The keys that an action presses.
KEYS: Mapping[CallerAction, str] = {
    CallerAction.PRESS: "#",
    CallerAction.ACCEPT: "1",
    CallerAction.DECLINE: "2",
}


def perform(
    act: CallerAction,
    socket: MediaSocket,
    stage: Stage,
    patience: float,
    party: str = "caller",
) -> Ending:
    """Do the action of who is on the leg. ``patience``: seconds until a call that goes on is cut.

    ``party``: ``caller`` or ``operator``.
    """
    if party == "caller":
        stage.socket = socket
    stage.talking.set()
    if act not in (CallerAction.STAY, CallerAction.CONVERSE):
        _talk(socket, stage, patience, party)
    ending = _act(act, socket, stage, patience, party)
    stage.ears[party].listened(socket.ear.drain(), socket.sample_rate, loud=socket.is_loud)
    for fault in socket.faults:
        stage.problem(fault)
    return ending


def _act(
    act: CallerAction, socket: MediaSocket, stage: Stage, patience: float, party: str
) -> Ending:
    if act is CallerAction.DROP:
        socket.abort()
        return Ending.DROPPED
    if act is CallerAction.HANG_UP or (
        act is CallerAction.CONVERSE and _converse(socket, stage, patience)
    ):
        stage.timeline.add(party, "hangs up")
        if party == "caller":
            stage.left = True
            stage.moments.hung_up()
        socket.leave()
        return Ending.CALLER_LEFT
    if stage.cut:
        stage.cut = False
        return Ending.DROPPED
    if act in KEYS:
        stage.timeline.add(party, f"presses {KEYS[act]}")
        socket.press(KEYS[act])
    if act is CallerAction.END_CALL:
        stage.bridge.end_call(stage.known_call())
    if act is CallerAction.TRANSFER:
        stage.bridge.transfer(stage.known_call())
    return _wait(act, socket, stage, patience)


def _converse(socket: MediaSocket, stage: Stage, patience: float) -> bool:
    if isinstance(socket, TextSocket):
        return converse_by_text(socket, stage, patience)
    return converse(socket, stage, patience)


def _talk(socket: MediaSocket, stage: Stage, patience: float, party: str) -> None:
    socket.talk(TALK_FRAMES)
    if socket.playout.wait_heard(patience):
        stage.timeline.add(party, "talks, hears the assistant")
        if party == "caller":
            stage.moments.heard_assistant(socket.playout.first_at)
    elif not socket.interrupted:
        stage.problem(f"the {party} talked, and heard nothing of the assistant")


def _wait(act: CallerAction, socket: MediaSocket, stage: Stage, patience: float) -> Ending:
    """Wait until the bridge closes, which is the only expected end here."""
    if not socket.done.wait(patience):
        if act is not CallerAction.STAY:
            stage.problem(f"{act}: the bridge did not close the media socket in {patience:g} s")
        socket.expired = True
        socket.interrupt()
    if socket.interrupted:
        socket.leave()
        return Ending.INTERRUPTED
    return Ending.BRIDGE_CLOSED
