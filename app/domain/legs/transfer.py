"""Connecting a call's leg to somebody else, and what becomes of the call then.

The forward is an event that is committed first. Then the media socket is closed, the carrier
asks what now, and is told the destination. Its outcome ends the call, or the caller is back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.calls import instructions
from app.domain.calls.apply import apply_events, request_end, state_of
from app.domain.calls.state import CallState
from app.domain.context import Context, Row, new_id
from app.domain.errors import Invalid
from app.domain.legs import destinations
from app.domain.reporting import server_messages
from app.store import calls
from app.store.vault import digest, new_token
from providers.base.instructions import Forward, Instruction, Say
from providers.base.webhook import HookKind
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MAX_FORWARDS = 3
"""Attempts per call, failed ones included."""


def transfer(
    context: Context,
    conn: Connection,
    row: Row,
    destination: Mapping[str, Any],
    content: str | None,
) -> None:
    """The assistant's side forwards a call it is in. Raises ``Invalid``."""
    if row["status"] != CallStatus.IN_PROGRESS:
        raise Invalid(f"the call cannot be transferred: its status is {row['status']}")
    problem = begin(
        context,
        conn,
        row,
        destination,
        message=content,
        reason=EndedReason.ASSISTANT_FORWARDED_CALL,
    )
    if problem:
        raise Invalid(problem)
    told = {"destination": dict(destination)}
    server_messages.queue(context, conn, row, server_messages.TRANSFER_UPDATE, told)


def begin(
    context: Context,
    conn: Connection,
    row: Row,
    destination: Mapping[str, Any],
    *,
    reason: EndedReason,
    message: str | None = None,
    assisted: bool = True,
) -> str | None:
    """Decide to forward; or the sentence that says why not, and nothing has happened.

    ``reason``: why the call ended, once the destination was reached (or the caller cannot come
    back: ``assisted`` is false where no assistant waits for it). ``message`` is spoken first.
    """
    state = state_of(conn, row["id"])
    problem = destinations.problem(context, conn, row, destination)
    if problem or state.forwards >= MAX_FORWARDS:
        return problem or f"a call is forwarded {MAX_FORWARDS} times at most"
    attempt = new_id()
    pending = {
        "id": attempt,
        "destination": dict(destination),
        "message": message if message is not None else destination.get("message"),
        "reason": reason,
        "back": assisted and destination.get("onFailure") != "end",
    }
    event = CallEvent(
        EventKind.FORWARD_STARTED,
        at=context.now(),
        key=f"forward.started:{attempt}",
        data={"forward": attempt, "destination": destinations.address(destination)},
    )
    apply_events(context, conn, row, [event], {"resolved": {**row["resolved"], "forward": pending}})
    return None


def hand_over(
    context: Context,
    conn: Connection,
    row: Row,
    state: CallState,
    question: CallEvent | None = None,
) -> list[Instruction]:
    """What the carrier is told when it asks; asked again, the same with another token.

    From here on the media socket the caller came from is replaced: its late reports end nothing.
    """
    pending = row["resolved"]["forward"]
    answers = {"answers": question.key} if question is not None else {}
    if state.streams or answers:
        replaced = CallEvent(
            EventKind.REATTACHED,
            at=context.now(),
            key=f"forward.replaced:{question.key if question else pending['id']}"[:200],
            data={"streams": list(state.streams), "forward": pending["id"], **answers},
        )
        apply_events(context, conn, row, [replaced])
    said = [Say(pending["message"])] if pending["message"] else []
    return [*said, _instruction(context, conn, row, pending)]


def _instruction(
    context: Context, conn: Connection, row: Row, pending: Mapping[str, Any]
) -> Forward:
    token, destination = new_token(), pending["destination"]
    values = {
        "digest": digest(token),
        "call_id": row["id"],
        "purpose": instructions.CALLBACK,
        "data": {"forward": pending["id"]},
        "created_at": context.now(),
        "expires_at": None,
    }
    calls.insert_tokens(conn, [values])
    provider = context.providers[row["provider"]]
    extension = destination.get("extension")
    return Forward(
        destinations.address(destination),
        instructions.hook_url(context, provider, HookKind.FORWARD, token),
        caller_id=destination.get("callerId") or row["resolved"].get("number"),
        extension=destinations.keys(extension) if extension else None,
        max_duration=context.settings.max_forward_seconds,
    )


def name_forward(context: Context, conn: Connection, row: Row, event: CallEvent) -> CallEvent:
    """An outcome with the forward it is of: the URL's token knows it, the carrier does not.

    One whose token is of no forward is a note.
    """
    attempt = (row.get("token_data") or {}).get("forward")
    pending = row["resolved"].get("forward") or {}
    reason = EndedReason(pending["reason"]) if pending.get("id") == attempt and attempt else None
    if attempt is None:
        was = {**event.data, "was": str(event.kind)}
        return replace(event, kind=EventKind.NOTE, reason=None, data=was)
    told = {**event.data, "forward": attempt}
    ended = event.kind is EventKind.FORWARD_ENDED
    return replace(event, data=told, reason=(reason or event.reason) if ended else event.reason)


def show_destination(
    context: Context, conn: Connection, row: Row, event: CallEvent
) -> Mapping[str, Any]:
    """Columns that change because a destination was reached: where the call ended up."""
    pending = row["resolved"].get("forward") or {}
    if (
        event.data["forward"] != pending.get("id")
        or row["settled_at"]
        or not state_of(conn, row["id"]).forwarded_to
    ):
        return {}
    destination = pending["destination"]
    number = destination.get("number") if destination["type"] == "number" else None
    shown = {"destination": destination, **({"forwardedPhoneNumber": number} if number else {})}
    return {"body": {**row["body"], **shown}}


def after(
    context: Context, conn: Connection, row: Row, state: CallState, events: Sequence[CallEvent]
) -> bool:
    """A forward is over and its call is not. Whether the caller goes back to the assistant.

    If not, the call has ended by this. A word nobody knows counts as a failure: the leg is here.
    """
    pending = row["resolved"]["forward"]
    attempt = (row.get("token_data") or {}).get("forward")
    if state.status is CallStatus.FORWARDING and attempt == pending["id"]:
        failed = CallEvent(
            EventKind.FORWARD_FAILED,
            at=context.now(),
            key=f"forward.failed:{attempt}",
            data={"forward": attempt},
        )
        apply_events(context, conn, row, [failed])
    if pending["back"]:
        return True
    words = (e.data["outcome"] for e in events if e.data.get("outcome"))
    message = f"The destination was not reached: {next(words, 'no word of the carrier')}"
    request_end(context, conn, row, EndedReason(pending["reason"]), message)
    return False
