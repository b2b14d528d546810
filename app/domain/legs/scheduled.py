"""Scheduled calls: checked at their creation, and dialled at their time.

A timer of the call's row queues the job. One transaction makes the call due and queues the job that
dials. So a process that dies before or after loses nothing, and no phone rings twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from app.domain.calls import limits, record, schedule_plan
from app.domain.calls.apply import apply_events
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.domain.errors import Invalid, TooMany
from app.domain.legs import dial_limit, outbound
from app.domain.legs.queue import wake
from app.store import capacity, events, queue
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MOST = 10_000
"""Calls of one organisation that may wait for their time."""
AGAIN_SECONDS, MOST_SECONDS = 5.0, 60.0
"""The shortest and the longest wait until the next look for a free slot."""
WAITS = "schedule-wait"
"""The note of a call that could not begin at its time."""
MISSED = "No process ran between schedulePlan.earliestAt and the last moment of the plan."
LATE = "The call could not begin before the last moment of its schedulePlan: {}"


def check(context: Context, conn: Connection, org_id: str, body: JsonObject) -> None:
    """Refuse a plan that cannot be kept. Raises ``Invalid``."""
    problem = schedule_plan.problem(body, context.now())
    if problem:
        raise Invalid(problem)
    if capacity.scheduled(conn, org_id) >= MOST:
        raise Invalid(f"{MOST} calls are scheduled already: delete some, or wait")


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job: seconds until it looks again for a slot, or None."""
    with context.store.write() as conn:
        call = record.get(conn, payload["callId"], lock=True)
        if call is None or call.status != CallStatus.SCHEDULED:
            return None
        tx = CallTx(context, conn, call)
        if context.now() > schedule_plan.latest(call.body):
            _miss(tx)
            return None
        problem = _obstacle(tx)
        if problem:
            _note(tx, problem)
            return _pause(tx)
        _begin(tx)
    return None


def _obstacle(tx: CallTx) -> str | None:
    """Why the call cannot begin now. Takes its part of the hour's limit otherwise."""
    try:
        limits.reserve_slot(tx)
    except Invalid as error:
        return str(error)
    queue.remove(tx.conn, tx.call.id)  # it holds up no leg, whether it may begin or not
    try:
        dial_limit.reserve_call(tx)
    except (Invalid, TooMany) as error:
        wake.enqueue(tx.context, tx.conn)  # the slot is the next one's
        return str(error)
    return None


def _pause(tx: CallTx) -> float:
    """Longer for a call that waits longer: many calls may wait for one slot."""
    waited = (tx.context.now() - schedule_plan.earliest(tx.call.body)).total_seconds()
    return min(max(waited / 4, AGAIN_SECONDS), MOST_SECONDS)


def _begin(tx: CallTx) -> None:
    now = tx.context.now()
    due = CallEvent(EventKind.DUE, at=now, key="due")
    apply_events(tx, [due], {"facts": tx.call.facts._replace(due_at=now)})
    outbound.start(tx)


def _miss(tx: CallTx) -> None:
    log = events.of_call(tx.conn, tx.call.id)
    told = [event.data["error"] for event in log if event.data.get("what") == WAITS]
    text = LATE.format(told[-1]) if told else MISSED
    reason = EndedReason.NO_SERVER_AVAILABLE if told else EndedReason.SERVER_SHUTDOWN
    outbound.fail(tx, "schedule-missed", {"error": text}, reason)


def _note(tx: CallTx, problem: str) -> None:
    """Once: the first obstacle is told."""
    data = {"what": WAITS, "error": problem}
    apply_events(tx, [CallEvent(EventKind.NOTE, at=tx.context.now(), key=WAITS, data=data)])
