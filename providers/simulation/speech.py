"""A caller who converses on a media socket: listens, speaks, interrupts, presses keys, hangs up.

It runs in real time at any speed of the run. Each step sends 20 ms and hears 20 ms, as on a phone.
Audio that the bridge clears before its turn is not heard.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from providers.common.audio import SAMPLE_WIDTH, level
from providers.common.dtmf import tone
from providers.simulation.media_socket import LOUD, MediaSocket
from providers.simulation.script import TakenTurn, Turn, When, sound
from providers.simulation.stage import Stage

STEP_SECONDS = 0.02
# The delay that a phone makes up for. Later audio is lost: silence in its place would pass for the
# assistant's.
LATE_SECONDS = 0.1
# Longer than any pause between two sentences of one answer.
QUIET_SECONDS = 0.8
# The shortest answer. Less is the rest of an interrupted one.
ANSWER_SECONDS = 0.2
# How much of the assistant's words a caller hears before interrupting.
OVER_SECONDS = 1.0
# How long a caller without further turns waits for the assistant to end the call.
LEAVE_SECONDS = 3.0
# How a problem begins that is about words of the assistant which did not come.
NO_WORD = "the caller heard no word"


class Caller:
    """One conversation on an open socket. ``patience``: seconds to wait for the assistant's words.

    All times but ``_due`` count steps, so that a busy machine only makes them longer.
    """

    def __init__(self, socket: MediaSocket, stage: Stage, patience: float) -> None:
        self._socket = socket
        self._stage = stage
        self._patience = patience
        self._bytes = int(socket.sample_rate * STEP_SECONDS) * SAMPLE_WIDTH
        self._due = time.monotonic()
        # Seconds of voice since the caller's own last word. On the next socket of a conversation
        # the assistant need not speak first.
        self._heard = ANSWER_SECONDS if stage.taken else 0.0
        # Seconds since the last of it.
        self._quiet = 0.0
        stage.tape.rate = socket.sample_rate

    def converse(self) -> bool:
        """Take the turns that are left. Returns whether the caller has to hang up.

        False: the socket is done, by the bridge or by a turn that cuts it.
        """
        turns = self._stage.turns
        while turns:
            if not self._await(turns[0]):
                return False
            if not self._take(turns.popleft()):
                return False
        return self._listen(lambda: self._quiet >= LEAVE_SECONDS)

    def _await(self, turn: Turn) -> bool:
        """Wait until the turn begins; False when the socket is done."""
        if turn.when is When.OVER:
            least = OVER_SECONDS if turn.delay is None else turn.delay
            return self._listen(lambda: self._heard >= least)
        if turn.when is When.AFTER:
            return self._listen(lambda: self._quiet >= QUIET_SECONDS)
        return self._say(self._silence(turn.delay or 0.0))

    def _silence(self, seconds: float) -> bytes:
        return bytes(int(self._socket.sample_rate * seconds) * SAMPLE_WIDTH)

    def _listen(self, enough: Callable[[], bool]) -> bool:
        left = self._patience
        while self._step():
            left -= STEP_SECONDS
            if self._heard >= ANSWER_SECONDS and enough():
                self._stage.timeline.add("caller", f"has heard {self._heard:.1f} s of speech")
                return True
            if self._heard < ANSWER_SECONDS and left <= 0:
                self._stage.problem(f"{NO_WORD} in {self._patience:g} s")
                return True
        return False

    def _take(self, turn: Turn) -> bool:
        """Take one turn. False when the socket is done before the turn is."""
        self._stage.timeline.add("caller", str(turn))
        tape = self._stage.tape
        taken = TakenTurn(turn, time.time(), tape.seconds)
        self._stage.taken.append(taken)
        going = not self._is_lost(turn) and self._speak(turn)
        taken.ended = tape.seconds
        if turn.answered:
            self._heard = self._quiet = 0.0
        return going

    def _is_lost(self, turn: Turn) -> bool:
        """Do what takes the turn's place. Whether the media socket is lost by it, in time."""
        if turn.cut:
            self._stage.cut = True
            self._socket.abort()
            return True
        if turn.act is None:
            return False
        turn.act()
        self._due = time.monotonic()
        return not self._say(self._silence(self._patience))

    def _speak(self, turn: Turn) -> bool:
        """Say the words and press the keys. False when the socket is done before."""
        rate = self._socket.sample_rate
        going = turn.wav is None or self._say(sound(turn.wav, rate))
        for key in turn.keys if going else "":
            self._socket.press(key)
            going = self._say(tone(key, rate), sent=False)  # carriers send the key's name instead
        return going

    def _say(self, pcm: bytes, *, sent: bool = True) -> bool:
        pieces = (pcm[at : at + self._bytes] for at in range(0, len(pcm), self._bytes))
        return all(self._step(piece, sent=sent) for piece in pieces)

    def _step(self, said: bytes = b"", *, sent: bool = True) -> bool:
        """Make a step of 20 ms. The bridge hears what is ``sent``. False: the socket is done."""
        done = self._socket.done.wait(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due, time.monotonic() - LATE_SECONDS) + STEP_SECONDS
        silence = bytes(self._bytes)
        said = said.ljust(self._bytes, b"\0")
        if not done:
            self._socket.frame(said if sent else silence)
        heard = self._socket.ear.take(self._bytes)
        self._stage.tape.add(said, heard)
        if level(heard) > LOUD:
            self._heard += STEP_SECONDS
            self._quiet = 0.0
        else:
            self._quiet += STEP_SECONDS
        return not done


def converse(socket: MediaSocket, stage: Stage, patience: float) -> bool:
    """Take the configured turns. Returns whether the caller has to hang up afterwards."""
    try:
        # a dialled call's patience is the limit of its length
        return Caller(socket, stage, min(patience, stage.config.timeout)).converse()
    finally:
        if stage.config.record is not None:
            stage.tape.write(stage.config.record)
