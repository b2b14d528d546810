"""How far a warm transfer is: a pure fold over the events of one call.

The caller waits in a room. The operator is dialled, answers, is briefed, and joins the caller.
Each step is an event that names the transfer (``data.forward``), and each has a longest time.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from app.domain.assistant.transfer_plan import TransferPlan
from providers.events import CallEvent, EventKind


class Step(StrEnum):
    """The steps, in their order."""

    HELD = "held"
    """The caller is on the way into the room; a job will dial the operator."""
    DIALLED = "dialled"
    """The carrier is asked to dial, and has said nothing of it."""
    RINGING = "ringing"
    ANSWERED = "answered"
    """The operator hears the message, or the transfer assistant is on its way."""
    TALKING = "talking"
    """The operator talks with the transfer assistant."""
    BRIEFED = "briefed"
    """The operator is on the way into the room, or hears the transfer assistant's last words."""
    JOINED = "joined"


REACHED: dict[EventKind, Step] = {
    EventKind.OPERATOR_DIALLED: Step.DIALLED,
    EventKind.OPERATOR_RINGING: Step.RINGING,
    EventKind.OPERATOR_ANSWERED: Step.ANSWERED,
    EventKind.OPERATOR_TALKING: Step.TALKING,
    EventKind.OPERATOR_BRIEFED: Step.BRIEFED,
    EventKind.OPERATOR_JOINED: Step.JOINED,
}
"""The step that an event proves."""
OVER = frozenset({EventKind.OPERATOR_TALKED, EventKind.OPERATOR_ENDED})
"""Events that end a part of the transfer, and prove no step."""
ORDER = {step: number for number, step in enumerate(Step)}

NO_WORD_SECONDS = 15.0
"""The longest without a word of the carrier: its answer to a request takes 10 s at most."""
RING_GRACE_SECONDS = 10.0
"""Beyond ``dialTimeout``: for connecting, and for machine detection."""
BRIEFING_SECONDS, CHARACTERS_A_SECOND = 15.0, 10.0
"""A message takes this long and a second more for so many characters, ``twiml`` its own time."""
JOIN_SECONDS = 10.0
LOOK_SECONDS = 10.0
"""Between two looks at a talk with the operator: whether it goes on, and for how long."""


class Progress(NamedTuple):
    """What the events of one transfer prove."""

    step: Step = Step.HELD
    operator_ref: str | None = None
    """The carrier's id of the operator's leg."""
    machine: bool = False
    """An answering machine has answered."""
    outcome: str | None = None
    """The operator's leg is over: the carrier's word."""
    talking: bool = False
    """A transfer assistant has talked with the operator."""
    talked: bool = False
    """Its socket is closed, and the operator's leg has asked what follows."""

    @property
    def hears_last_words(self) -> bool:
        """Whether the operator takes the call, and is still with the transfer assistant."""
        return self.step is Step.BRIEFED and self.talking and not self.talked

    @property
    def connected(self) -> bool:
        """Whether caller and operator are together, or on the way to each other."""
        return self.step in {Step.BRIEFED, Step.JOINED} and not self.hears_last_words


def progress(log: Iterable[CallEvent], forward_id: str) -> Progress:
    """How far this transfer is."""
    found = Progress()
    for event in log:
        if event.data.get("forward") != forward_id or not _is_of_operator(event):
            continue
        step = REACHED.get(event.kind, found.step)
        found = found._replace(
            step=max(found.step, step, key=ORDER.__getitem__),
            operator_ref=event.data.get("forwardLegRef") or found.operator_ref,
            machine=found.machine or bool(event.data.get("machine")),
            outcome=event.data.get("outcome") or found.outcome,
            talking=found.talking or event.kind is EventKind.OPERATOR_TALKING,
            talked=found.talked or event.kind is EventKind.OPERATOR_TALKED,
        )
    return found


def _is_of_operator(event: CallEvent) -> bool:
    return event.kind in REACHED or event.kind in OVER


def talk_of(log: Iterable[CallEvent], forward_id: str) -> CallEvent | None:
    """The beginning of the transfer assistant's talk with this transfer's operator."""
    begun = (each for each in log if each.kind is EventKind.OPERATOR_TALKING)
    return next((each for each in begun if each.data.get("forward") == forward_id), None)


def longest(step: Step, plan: TransferPlan, briefing: str) -> float | None:
    """Seconds that a step may take. None: as long as the two talk."""
    match step:
        case Step.HELD | Step.DIALLED:
            return NO_WORD_SECONDS
        case Step.RINGING:
            return plan.ring_seconds + RING_GRACE_SECONDS
        case Step.ANSWERED if plan.assistant:
            return NO_WORD_SECONDS
        case Step.TALKING:
            return LOOK_SECONDS
        case Step.ANSWERED:
            spoken = len(briefing) / CHARACTERS_A_SECOND + plan.briefing_seconds
            return plan.listen_seconds + BRIEFING_SECONDS + spoken
        case Step.BRIEFED:
            return JOIN_SECONDS
        case Step.JOINED:
            return None
