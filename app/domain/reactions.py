"""What follows from a change of a call: the one list, in its order.

``calls/apply.py`` runs every reaction in the change's transaction. A new effect of an event is a
line here, and a function in its feature's own file.
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.calls import schedule
from app.domain.calls.apply import Change, Reaction
from app.domain.legs import carrier_price, hangup
from app.domain.live import control
from app.domain.recordings import carrier as carrier_recordings
from app.domain.reporting import analysis, pending, server_messages
from providers.events import CallStatus, EventKind

When = Callable[[Change], bool]


def on(concerns: When, *reactions: Reaction) -> Reaction:
    """Enter the features only for a change that concerns them."""

    def react(change: Change) -> None:
        if concerns(change):
            for reaction in reactions:
                reaction(change)

    return react


def price_known(change: Change) -> bool:
    """Also of a call whose report is out: a price may come days later."""
    return any("price" in event.data for event in change.added)


def status_changed(change: Change) -> bool:
    return change.before is not change.state.status and not change.late


def reason_settled(change: Change) -> bool:
    return change.state.settled and not change.late


def call_ended(change: Change) -> bool:
    return change.ended


def assistant_joined(change: Change) -> bool:
    return EventKind.MEDIA_CONNECTED in change.kinds and not (change.ended or change.late)


def forward_started(change: Change) -> bool:
    return EventKind.FORWARD_STARTED in change.kinds and not (change.ended or change.late)


def leg_outlives_call(change: Change) -> bool:
    """The call has ended, or had ended before its leg was known."""
    over = change.state.status is CallStatus.ENDED
    return change.ended or (over and bool(change.kinds & schedule.LEG_IS_KNOWN))


def recording_known(change: Change) -> bool:
    """Also of a call whose report is out."""
    return bool(change.kinds & carrier_recordings.TELLS_OF_RECORDING)


REACTIONS: tuple[Reaction, ...] = (
    on(price_known, carrier_price.add_price),
    on(status_changed, server_messages.queue_status),
    on(reason_settled, pending.report),
    on(schedule.concerns_timers, schedule.set_timers),
    on(leg_outlives_call, hangup.hang_up_leg),
    on(call_ended, carrier_price.ask_later, carrier_recordings.end, analysis.end),
    on(assistant_joined, carrier_recordings.begin, analysis.begin, schedule.measure_join),
    on(call_ended, control.close_socket),
    on(forward_started, control.close_socket),
    on(recording_known, carrier_recordings.take),
)
