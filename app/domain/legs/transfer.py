"""Transfer a call: connect its leg to a destination, and end the call or take the caller back.

The forward is an event, which is committed first. Then the media socket is closed.
The carrier requests the next document, which has the destination.
The forward's outcome ends the call, or the caller returns to the assistant.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.assistant import (
    installation,
    transfer_assistant,
    transfer_places,
    transfer_plan,
    validate,
)
from app.domain.assistant.config import LOCAL
from app.domain.assistant.secrets import split_secrets, without_secrets
from app.domain.assistant.transfer_plan import Verb
from app.domain.calls import instructions, tokens
from app.domain.calls.apply import apply_events, earlier, request_end, state_of
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.calls.state import CallState
from app.domain.errors import Invalid
from app.domain.legs import destinations, dial_limit, fallback, sip_verbs, warm_jobs
from app.domain.legs.forward_events import forward_event
from app.domain.legs.warm_steps import Step, progress
from app.domain.live import supervisor
from app.domain.reporting import server_messages
from app.store import events
from app.store.ids import new_id
from providers.base.instructions import Forward, Instruction, Park, Refer, Say
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

BLIND_RING_SECONDS = 30
"""Seconds that a blind transfer rings whose plan does not say it."""
TRANSFERRED = "transferred"
"""Why a supervisor has the call no more."""
CANCELLED, NO_WORD = "cancelled", "no word of the carrier"
MAX_FORWARDS = 3
"""The attempts per call, with the failed ones."""
HIDDEN = "forward"
"""Key of the call's secrets: those of the destination of its newest forward."""
NO_ROOM = "this carrier connects a leg at once: it has no room where a caller can wait"
ON_ITS_WAY = "the call cannot be transferred: its caller is on the way back from another transfer"
NO_LEG = "a call from a browser has no phone leg, so it cannot be transferred"


def transfer(tx: CallTx, destination: JsonObject, content: str | None, summary: str = "") -> None:
    """Transfer a call in progress for its assistant or its client. Raises ``Invalid``.

    ``summary``: of the conversation, for a plan that gives one to the operator.
    """
    if tx.call.status != CallStatus.IN_PROGRESS:
        raise Invalid(f"the call cannot be transferred: its status is {tx.call.status}")
    state = state_of(tx)
    if state.forwards and not state.streams:  # nothing would take its leg out of the room
        raise Invalid(ON_ITS_WAY)
    reason = EndedReason.ASSISTANT_FORWARDED_CALL
    problem = begin(tx, destination, message=content, reason=reason, summary=summary)
    if problem:
        raise Invalid(problem)
    public = without_secrets(destination)
    server_messages.queue(tx, server_messages.TRANSFER_UPDATE, {"destination": public})


def begin(
    tx: CallTx,
    destination: JsonObject,
    *,
    reason: EndedReason,
    message: str | None = None,
    assisted: bool = True,
    summary: str = "",
) -> str | None:
    """Begin a forward. Returns why not, as a sentence, and then changes nothing; None on success.

    ``reason`` is the ended reason if the destination is reached or the caller cannot return.
    ``assisted`` is false if no assistant waits for the caller's return.
    ``message`` is what the caller hears first.
    """
    state = state_of(tx)
    problem = _problem(tx, state, destination)
    if problem:
        return problem
    attempt = new_id()
    public, hidden = split_secrets(destination)
    pending = PendingForward(
        id=attempt,
        destination=public,
        message=message if message is not None else destinations.first_words(destination),
        reason=reason,
        back=assisted and destination.get("onFailure") != "end",
        briefing=_briefing(destination, summary),
    )
    mode = transfer_plan.read(destination).mode
    event = CallEvent(
        EventKind.FORWARD_STARTED,
        at=tx.context.now(),
        key=f"forward.started:{attempt}",
        data={
            "forward": attempt,
            "destination": destinations.address(destination),
            **({"mode": mode} if mode is not transfer_plan.Mode.BLIND else {}),
        },
    )
    # A caller who comes back has the assistant at once: the supervisor has given the call away.
    supervisor.note(tx, None, taken=False, cause=TRANSFERRED)
    also: Changes = {"facts": tx.call.facts._replace(forward=pending)}
    secrets = tx.context.vault.open(tx.call.secret)
    if hidden or HIDDEN in secrets:
        also["secret"] = tx.context.vault.seal({**secrets, HIDDEN: hidden})
    apply_events(tx, [event], also)
    return None


def _problem(tx: CallTx, state: CallState, destination: JsonObject) -> str | None:
    """Why the call is not forwarded there now. The operator is told, too."""
    if not tx.carrier.phone:
        return NO_LEG
    if transfer_plan.read(destination).is_warm and not tx.carrier.holds:
        return NO_ROOM
    problem = destinations.problem(tx, destination)
    reason = "destination" if problem else "forwards"
    if problem is None and (found := transfer_places.twiml_problem(destination, tx.carrier)):
        problem = f"destination.{found}"
    if state.forwards >= MAX_FORWARDS:
        problem = problem or f"a call is forwarded {MAX_FORWARDS} times at most"
    if problem is None:
        return _talk_problem(tx, destination) or dial_limit.forward_problem(tx, destination)
    dial_limit.note_refusal(tx.context, reason, destination, problem)
    return problem


def _talk_problem(tx: CallTx, destination: JsonObject) -> str | None:
    """Why no transfer assistant of this destination can talk with its operator."""
    given = transfer_plan.read(destination).assistant
    if not given:
        return None
    whole = transfer_assistant.effective(tx.call.facts.assistant, given)
    backend = whole.transport.backend(tx.context.settings)
    problem = (
        validate.problem(whole.json, tx.context.url_problem)
        or transfer_assistant.menu_problem(whole)
        or installation.never_works(whole, tx.context.settings)
    )
    if backend != LOCAL:
        problem = f"this installation has no backend {LOCAL}"
    return f"destination.transferPlan.transferAssistant cannot talk: {problem}" if problem else None


def _briefing(destination: JsonObject, summary: str) -> str | None:
    plan = transfer_plan.read(destination)
    if plan.is_warm:
        return plan.briefing(summary) or None
    return (summary or plan.message or None) if plan.wants_summary else None


def hand_over(tx: CallTx, state: CallState, question: CallEvent | None = None) -> list[Instruction]:
    """The instructions that forward the leg. A repeated request gets the same ones.

    An event says that the leg has this document. It marks the leg's media socket as replaced, so
    that its late events do not end the call.
    """
    pending = _pending(tx.call)
    answers = {"answers": question.key} if question is not None else {}
    if state.streams or answers or not state.handed_over:
        replaced = CallEvent(
            EventKind.REATTACHED,
            at=tx.context.now(),
            key=f"forward.replaced:{question.key if question else pending.id}"[:200],
            data={"streams": list(state.streams), "forward": pending.id, **answers},
        )
        apply_events(tx, [replaced])
    if is_warm(pending):
        warm_jobs.dial(tx, pending)
        warm_jobs.watch(tx, pending, Step.HELD)
    if sip_verbs.chosen(tx, pending) is Verb.BYE:
        return _end_leg(tx, pending)
    sip_verbs.tell_dialled(tx, pending)
    return forward(tx)


def _end_leg(tx: CallTx, pending: PendingForward) -> list[Instruction]:
    """End the call: the caller's own side goes on with the caller. A flow gets its leg back."""
    over = forward_event(
        tx.context, EventKind.FORWARD_ENDED, pending.id, sipVerb=Verb.BYE
    )._replace(reason=pending.reason)
    apply_events(tx, [over], shown(tx, pending))
    return [*_said(pending), *instructions.return_leg(tx.call)]


def is_warm(pending: PendingForward) -> bool:
    """Whether the caller waits in a room until the operator joins."""
    return transfer_plan.read(pending.destination).is_warm


def forward(tx: CallTx) -> list[Instruction]:
    """The instructions of the pending forward."""
    pending = _pending(tx.call)
    if is_warm(pending):
        return [*_said(pending), _park(tx, pending)]
    refers = sip_verbs.chosen(tx, pending) is Verb.REFER
    return [*_said(pending), _refer(tx, pending) if refers else _dial(tx, pending)]


def _said(pending: PendingForward) -> list[Instruction]:
    return [Say(pending.message)] if pending.message else []


def _refer(tx: CallTx, pending: PendingForward) -> Refer:
    return Refer(
        destinations.address(pending.destination),
        hook_url(tx, pending, HookKind.FORWARD),
        destinations.sip_headers(pending.destination, pending.briefing),
    )


def _dial(tx: CallTx, pending: PendingForward) -> Forward:
    destination, plan = pending.destination, transfer_plan.read(pending.destination)
    extension = destination.get("extension")
    return Forward(
        destinations.address(destination),
        hook_url(tx, pending, HookKind.FORWARD),
        caller_id=destination.get("callerId") or tx.call.facts.number,
        extension=destinations.keys(extension) if extension else None,
        timeout=max(3, plan.ring_seconds) if plan.rings_at_most else BLIND_RING_SECONDS,
        max_duration=tx.context.settings.max_forward_seconds,
        sip_headers=destinations.sip_headers(destination, pending.briefing),
    )


def _park(tx: CallTx, pending: PendingForward) -> Park:
    return Park(
        room(pending),
        hook_url(tx, pending, HookKind.FORWARD),
        hook_url(tx, pending, HookKind.ROOM),
        transfer_plan.read(pending.destination).hold_url,
    )


def room(pending: PendingForward) -> str:
    """The room where the caller and the operator meet."""
    return f"patchbay-{pending.id}"


def hook_url(tx: CallTx, pending: PendingForward, kind: HookKind) -> str:
    """Our URL of this kind, whose token names the transfer."""
    token = tokens.forward_token(tx.context.vault, tx.call.id, pending.id)
    return instructions.hook_url(tx.context, tx.carrier, kind, token)


def name_forward(tx: CallTx, event: CallEvent) -> CallEvent:
    """Add the forward's id to an outcome. Only the URL's token has it, not the carrier's event.

    An outcome whose token has no forward becomes a note.
    """
    attempt, pending = tx.call.token_data.get("forward"), tx.call.facts.forward
    reason = pending.reason if pending and attempt and pending.id == attempt else None
    if attempt is None:
        was = {**event.data, "was": str(event.kind)}
        return event._replace(kind=EventKind.NOTE, reason=None, data=was)
    told = {**event.data, "forward": attempt}
    if pending is not None and pending.id == attempt and _is_alone(tx, pending):
        told["outcome"] = CANCELLED  # the word is about the room, which the operator never reached
        event = event._replace(kind=EventKind.FORWARD_FAILED)
    ended = event.kind is EventKind.FORWARD_ENDED
    return event._replace(data=told, reason=(reason or event.reason) if ended else event.reason)


def _is_alone(tx: CallTx, pending: PendingForward) -> bool:
    """Whether the caller of a warm transfer has left a room that the operator had not joined."""
    if not is_warm(pending):
        return False
    return not progress(events.of_call(tx.conn, tx.call.id), pending.id).connected


def show_destination(tx: CallTx, event: CallEvent) -> Changes:
    """The changes of the call after its destination is reached: the Call shows it."""
    pending = tx.call.facts.forward
    if (
        pending is None
        or event.data["forward"] != pending.id
        or tx.call.settled_at
        or not state_of(tx).forwarded_to
    ):
        return {}
    return shown(tx, pending)


def shown(tx: CallTx, pending: PendingForward) -> Changes:
    """The changes that show this destination as the one that the call went to."""
    destination = pending.destination
    number = destinations.number_of(destination) if destination["type"] == "number" else None
    told = {"destination": destination, **({"forwardedPhoneNumber": number} if number else {})}
    return {"body": {**tx.call.body, **told}}


def is_awaited(tx: CallTx) -> bool:
    """Whether the forward of the request's token is the newest."""
    return _pending(tx.call).id == tx.call.token_data.get("forward")


def after(tx: CallTx, state: CallState, new: Sequence[CallEvent]) -> bool:
    """Handle a forward's end. Returns whether the caller goes back to the assistant.

    If not, the call ends. An unknown outcome counts as a failure, because the leg is back.
    What follows a failure that was known before is decided, and the assistant knows of it.
    """
    pending = _pending(tx.call)
    if not is_awaited(tx) or _had_failed(tx, pending, new):
        return True
    if state.status is CallStatus.FORWARDING:
        failed = forward_event(tx.context, EventKind.FORWARD_FAILED, pending.id)
        apply_events(tx, [failed])
    words = (e.data["outcome"] for e in new if e.data.get("outcome"))
    return give_up(tx, pending, next(words, NO_WORD))


def _had_failed(tx: CallTx, pending: PendingForward, new: Sequence[CallEvent]) -> bool:
    """Whether this forward had failed before these events."""
    return any(
        each.kind is EventKind.FORWARD_FAILED and each.data.get("forward") == pending.id
        for each in earlier(events.of_call(tx.conn, tx.call.id), new)
    )


def give_up(tx: CallTx, pending: PendingForward, outcome: str, why: str = "") -> bool:
    """Decide what follows a failed forward. Returns whether the assistant gets the caller back.

    It is told why, with the operator's reason. Where it gets no caller back, the call ends.
    """
    if is_warm(pending):
        warm_jobs.hang_up(tx, pending.id)
    if pending.back:
        fallback.tell(tx, pending, outcome, why)
        return True
    request_end(tx, pending.reason, f"The destination was not reached: {outcome}")
    return False


def _pending(call: Call) -> PendingForward:
    if call.facts.forward is None:
        raise LookupError(f"call {call.id} is not being forwarded")
    return call.facts.forward
