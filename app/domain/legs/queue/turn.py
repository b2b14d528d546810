"""The next turn of a leg that waits: its carrier asks, and gets the next document."""

from __future__ import annotations

from datetime import timedelta

from app.domain.calls.record import CallTx
from app.domain.calls.state import CallState
from app.domain.legs import no_assistant, transfer
from app.domain.legs.no_assistant import Refusal
from app.domain.legs.queue import callback, line, plan
from app.store.queue import Ticket
from providers.base.instructions import Instruction
from providers.events import CallStatus, EndedReason

WAITED = "The caller waited for {} s, and no slot was free: see MAX_CONCURRENT_CALLS."


def next_document(
    tx: CallTx, state: CallState, token: str | None, pressed: str
) -> list[Instruction] | None:
    """What the leg does next. None: its assistant has joined, so the leg was called twice.

    ``token``: that of the request's URL, which tells whether the API has called the leg.
    """
    ticket = line.get(tx)
    if state.status is CallStatus.ENDED:
        return no_assistant.farewell(tx.call)
    if state.status is CallStatus.FORWARDING:
        return transfer.hand_over(tx, state)
    if ticket is None:
        return None if state.joined else line.connect_again(tx)
    called = token == line.wait_token(tx, line.CALLED)
    if line.take(tx, ticket, called=called):
        return line.connect(tx, ticket)
    wants_callback = pressed.startswith(callback.KEY) and line.offers_callback(tx, ticket)
    if wants_callback and line.call_back(tx, ticket):
        return no_assistant.farewell(tx.call)
    if _is_over(tx, ticket):
        return _give_up(tx, ticket)
    return line.hold(tx, ticket)


def _is_over(tx: CallTx, ticket: Ticket) -> bool:
    longest = timedelta(seconds=plan.of_call(tx).max_seconds)
    return tx.context.now() >= ticket.entered_at + longest


def _give_up(tx: CallTx, ticket: Ticket) -> list[Instruction]:
    """Send the leg to the number's fallback destination, or back to its flow."""
    line.give_up(tx, ticket)
    message = WAITED.format(plan.of_call(tx).max_seconds)
    no_assistant.end_call(tx, Refusal(EndedReason.NO_SERVER_AVAILABLE, message))
    return no_assistant.fallback(tx)
