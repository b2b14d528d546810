"""The effects of a call's change: the one list, in order.

``calls/apply.py`` runs it in the change's transaction. A new effect of an event is a line of
``REACTIONS``, and a function in its feature's own file. A feature is entered only for a change
that concerns it: ``facts`` decides this from the change alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum, auto
from functools import partial
from itertools import compress

from app.domain.calls import schedule
from app.domain.calls.apply import Change, Reaction
from app.domain.calls.record import Call
from app.domain.calls.shown_number import shown
from app.domain.legs import caller_back, carrier_price, dial_limit, hangup
from app.domain.legs.queue import advance, line
from app.domain.live import control
from app.domain.recordings import carrier as carrier_recordings
from app.domain.reporting import (
    analysis,
    no_record,
    pending,
    server_messages,
    transfers,
    upstream_report,
)
from app.domain.reporting.ended_texts import told
from app.store.engine import after_commit
from app.telemetry import tracing
from providers.events import CallStatus, EndedReason, EventKind


class Fact(StrEnum):
    """The facts about a change that a reaction depends on."""

    PRICE_KNOWN = auto()
    """The carrier reported a leg's price, perhaps days after the end-of-call report."""
    SLOT_FREED = auto()
    """The call is over or is being forwarded, and it or others may wait for slots."""
    STATUS_CHANGED = auto()
    REASON_SETTLED = auto()
    WORDS_GO = auto()
    """The reason is settled, and the assistant may keep no record."""
    TIMERS_MOVE = auto()
    """A timer must start or stop. Most callbacks do neither, and a new call has its timers."""
    LEG_IS_OURS_TO_END = auto()
    """We dialled the leg, and the call is over or was over before the leg was known."""
    ENDED_RECORDED = auto()
    """The call is over, and the carrier recorded it."""
    ENDED_AWAITED = auto()
    """The call is over, and its report waits for something."""
    JOINED = auto()
    """The assistant joined the call."""
    HANDED_OVER = auto()
    """Another assistant has the call."""
    SOCKET_CLOSES = auto()
    """The call is over or is being forwarded, or another socket of its leg replaces this one."""
    TRANSFERRED = auto()
    """A transfer began or ended, or the call is over after one."""
    HOLD_ENDS = auto()
    """The call is over, and its caller or its operator may still be in the room of a transfer."""
    RECORDING_KNOWN = auto()
    """The carrier reported a recording's result, perhaps after the report."""


log = logging.getLogger(__name__)

SENTENCES = {reason: text.sentence for reason in EndedReason if (text := told(reason))}
"""Made once, because the log has one for every call."""
TELLS = frozenset({Fact.STATUS_CHANGED, Fact.REASON_SETTLED})
UNTOLD = frozenset({CallStatus.SCHEDULED, CallStatus.QUEUED, CallStatus.ENDED})
"""A new call has a line of its own (``calls/create.py``), and an ended one waits for its reason."""

COMPLIANCE = frozenset({"hipaaEnabled", "compliancePlan"})
REPLACES_SOCKET = frozenset({EventKind.FORWARD_STARTED, EventKind.REATTACHED})

REACTIONS: Mapping[Fact, Sequence[Reaction]] = {
    Fact.PRICE_KNOWN: [carrier_price.add_price],
    Fact.TRANSFERRED: [transfers.update, dial_limit.give_back_forward],
    Fact.SLOT_FREED: [advance.freed],
    Fact.STATUS_CHANGED: [server_messages.queue_status],
    Fact.REASON_SETTLED: [pending.report, carrier_price.ask_later, dial_limit.give_back],
    Fact.WORDS_GO: [no_record.begin],
    Fact.TIMERS_MOVE: [schedule.set_timers],
    Fact.LEG_IS_OURS_TO_END: [hangup.hang_up_leg],
    Fact.ENDED_RECORDED: [carrier_recordings.end],
    Fact.ENDED_AWAITED: [analysis.end, upstream_report.end],
    Fact.JOINED: [carrier_recordings.begin, analysis.begin, schedule.measure_join],
    Fact.HANDED_OVER: [analysis.begin],
    Fact.SOCKET_CLOSES: [control.close_socket],
    Fact.HOLD_ENDS: [caller_back.release],
    Fact.RECORDING_KNOWN: [carrier_recordings.take],
}


def react(change: Change) -> None:
    """Run all reactions that a change concerns, in the order of ``REACTIONS``."""
    holds = facts(change)
    for fact in holds:
        for reaction in REACTIONS[fact]:
            reaction(change)
    if not TELLS.isdisjoint(holds):
        tell(change, settled=Fact.REASON_SETTLED in holds)


def tell(change: Change, *, settled: bool) -> None:
    """Log the call's new status, or its reason once it is settled: one line, after the commit."""
    call, by, status = change.tx.call, change.state.decided_by, change.state.status
    extra = {"callId": call.id, "phoneCallProviderId": call.provider_call_id}
    template, words = "call %s (%s): %s", tuple[object, ...]((status,))
    if settled and call.ended_reason:
        extra["endedReason"] = call.ended_reason
        template = "call %s (%s): ended: %s: %s (decided by %s from %s)"
        evidence = (by.kind, by.source) if by else ("no evidence", "the store")
        if tracing.exporter is not None:
            after_commit(change.tx.conn, partial(trace, call))
        words = (call.ended_reason, SENTENCES[EndedReason(call.ended_reason)], *evidence)
    elif status in UNTOLD:
        return
    elif status is CallStatus.FORWARDING and call.facts.forward:
        to = shown(change.tx.context.settings, call.facts.forward.destination)
        template, words = "call %s (%s): forwarding to %s", (to,)
    write = partial(log.info, template, call.id, call.provider_call_id, *words, extra=extra)
    after_commit(change.tx.conn, write)


def trace(call: Call) -> None:
    """The call's own span: the others are its parts."""
    known = {
        "patchbay.call_id": call.id,
        "patchbay.call_type": call.type,
        "patchbay.provider": call.provider,
        "patchbay.provider_call_id": call.provider_call_id,
        "patchbay.ended_reason": call.ended_reason,
        "patchbay.assistant_id": call.assistant_id,
    }
    attributes = {name: value for name, value in known.items() if value}
    tracing.call(call.id, call.created_at, call.ended_at or call.updated_at, attributes)


def with_row(reaction: Reaction) -> Reaction:
    """A reaction that may query the call's row: the row is written before it runs."""

    def run(change: Change) -> None:
        change.tx.write()
        reaction(change)

    return run


def facts(change: Change) -> list[Fact]:
    """The facts that hold, in the order of ``REACTIONS``.

    A settled call is concerned only by prices, recordings and legs.
    """
    kinds, ended, call = change.kinds, change.ended, change.tx.call
    goes_on = not (ended or change.late)
    over = change.state.status is CallStatus.ENDED
    moves = change.before is not None and (
        kinds & schedule.MOVES or change.is_first(schedule.LEG_CAME)
    )
    holds = {
        Fact.PRICE_KNOWN: any("price" in event.data for event in change.added),
        Fact.TRANSFERRED: kinds & transfers.OF_TRANSFERS or (over and change.state.forwards),
        Fact.SLOT_FREED: change.before is not change.state.status
        and change.before is not None
        and change.state.status in {CallStatus.ENDED, CallStatus.FORWARDING}
        and (
            change.tx.context.settings.max_concurrent_calls
            or not line.OF_TICKETS.isdisjoint(call.body)
        ),
        Fact.STATUS_CHANGED: change.before is not change.state.status and not change.late,
        Fact.REASON_SETTLED: change.state.settled and not change.late,
        Fact.WORDS_GO: change.state.settled
        and not change.late
        and COMPLIANCE & call.facts.assistant.json.keys(),
        Fact.TIMERS_MOVE: ended or (goes_on and moves),
        Fact.LEG_IS_OURS_TO_END: not call.bypass
        and (ended or (over and kinds & schedule.LEG_IS_KNOWN)),
        Fact.ENDED_RECORDED: ended and call.facts.recorded,
        Fact.ENDED_AWAITED: ended and call.facts.awaits,
        Fact.JOINED: goes_on and EventKind.MEDIA_CONNECTED in kinds,
        Fact.HANDED_OVER: goes_on and EventKind.ASSISTANT_CHANGED in kinds,
        Fact.SOCKET_CLOSES: ended
        or (goes_on and (kinds & REPLACES_SOCKET or len(change.state.streams) > 1)),
        Fact.HOLD_ENDS: ended and change.state.forwards,
        Fact.RECORDING_KNOWN: kinds & carrier_recordings.TELLS_OF_RECORDING,
    }
    return list(compress(holds, holds.values()))
