"""``python -m bench.receiver_down``: a client's server is down for a day, and then is up again.

The clock is driven from one due attempt to the next: the day takes as long as its attempts. Each
call has four messages. While the server is down every attempt is answered with an error.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.delivery.dispatcher import Dispatcher
from app.delivery.retry import JITTER
from app.domain.context import Context
from app.settings import DELIVERY_SCHEDULE, Settings
from app.store.engine import Store
from app.store.schema import IS_PENDING, message_attempts, messages
from bench.machine import machine
from bench.reliability import conclude
from providers.events import EndedReason, EventKind
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver

ERRORS = (500, 502, 503)
OVER = 200
_older = messages.alias("older")
_FIRST = sa.select(sa.func.min(messages.c.next_at)).where(
    IS_PENDING,
    ~sa.exists().where(
        _older.c.call_id == messages.c.call_id,
        _older.c.state == "pending",
        _older.c.seq < messages.c.seq,
    ),
)
"""When the next attempt may be made: a call's later messages wait for its first one."""


@dataclass
class Seen:
    """What a receiver saw, and what the database says."""

    calls: int
    messages: int = 0
    delivered: int = 0
    attempts: int = 0
    repeated: int = 0
    """Messages that were accepted twice."""
    disordered: int = 0
    """Calls whose messages were accepted in another order."""
    shares: Sequence[float] = field(default_factory=list)
    """Each wait as a part of the planned one."""

    @property
    def off_schedule(self) -> int:
        return sum(not 1 - JITTER <= each <= 1 + JITTER for each in self.shares)

    @property
    def right(self) -> bool:
        wrong = self.repeated or self.disordered or self.off_schedule
        return not wrong and 0 < self.messages == self.delivered

    def line(self) -> str:
        low, high = min(self.shares, default=1.0), max(self.shares, default=1.0)
        return (
            f"{self.delivered:,} of {self.messages:,} messages of {self.calls:,} calls delivered in "
            f"{self.attempts:,} attempts; {self.repeated} repeated, {self.disordered} calls out of "
            f"order; waits {low:.0%} to {high:.0%} of the schedule, {self.off_schedule} beyond"
        )


def receiver_down(settings: Settings, calls: int, hours: float) -> Seen:
    """Run it on the database of the settings."""
    with Receiver() as receiver:
        given = replace(settings, server_url=receiver.url, allow_private_server_urls=True)
        with domain(given, rest=False) as (ours, _):
            for _ in range(calls):
                _call(ours)
            _deliver(ours, receiver, timedelta(hours=hours))
            return _seen(ours.context.store, receiver, calls)


def _call(ours: Domain) -> None:
    """A whole call: its messages are ``queued``, ``ringing``, ``ended`` and the report."""
    call = ours.create(TWILIO, phoneCallProviderBypassEnabled=True)
    ours.hear(call, TWILIO, EventKind.LEG_RINGING)
    ours.hear(call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.CUSTOMER_BUSY)


def _deliver(ours: Domain, receiver: Receiver, down: timedelta) -> None:
    """Make each attempt when it is due, until no message is pending."""
    dispatcher, up_at = ByHand(ours.context), ours.clock() + down
    errors = itertools.cycle(ERRORS)
    while (due := _due(ours.context.store)) is not None:
        ours.clock.at = max(ours.clock.at, due)
        receiver.reply = OVER if ours.clock() >= up_at else next(errors)
        dispatcher.deliver()


class ByHand(Dispatcher):
    """One without threads, which lives in the clock's time."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, lambda work: work())

    def deliver(self) -> None:
        """Send what is due, and what that makes due."""
        while self.turn() or self.busy:
            continue


def _due(store: Store) -> datetime | None:
    with store.read() as conn:
        found: datetime | None = conn.execute(_FIRST).scalar()
    return found


def _seen(store: Store, receiver: Receiver, calls: int) -> Seen:
    with store.read() as conn:
        rows = conn.execute(sa.select(messages).order_by(messages.c.seq)).all()
        tries = conn.execute(sa.select(message_attempts).order_by(message_attempts.c.id)).all()
    of_message = defaultdict[str, list[Any]](list)
    for each in tries:
        of_message[each.message_id].append(each)
    seen = Seen(calls, len(rows), attempts=len(tries))
    seen.delivered = sum(row.state == "delivered" for row in rows)
    seen.shares = [share for each in of_message.values() for share in _shares(each)]
    accepted = [each.message_id for each in tries if each.status_code == OVER]
    seen.repeated = len(accepted) - len(set(accepted))
    seen.disordered = _disordered(rows, accepted)
    assert len(receiver.requests) == len(tries)
    return seen


def _shares(tries: Sequence[Any]) -> Iterator[float]:
    """Of the waits between the attempts of one message."""
    for number, (before, after) in enumerate(itertools.pairwise(tries), 1):
        yield (after.at - before.at).total_seconds() / DELIVERY_SCHEDULE[number]


def _disordered(rows: Sequence[Any], accepted: Sequence[str]) -> int:
    """The calls whose messages were accepted in another order than theirs."""
    at = {message: number for number, message in enumerate(accepted)}
    of_call = defaultdict[str, list[int]](list)
    for row in rows:
        of_call[row.call_id].append(at.get(row.id, -1))
    return sum(order != sorted(order) for order in of_call.values())


@contextmanager
def new_settings() -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="patchbay-receiver-down-") as directory:
        yield Settings(
            secret_keys=("a key of the bench, long enough",),
            database_url=f"sqlite:///{directory}/bench.db",
            recordings_dir=f"{directory}/recordings",
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=250, help="each has four messages")
    options.add_argument("--hours", type=float, default=24.0, help="without the receiver")
    options.add_argument("--record", action="store_true", help="keep the figure")
    chosen = options.parse_args()
    print(machine())
    with new_settings() as settings:
        seen = receiver_down(settings, chosen.calls, chosen.hours)
    sys.exit(conclude("receiver-down", seen.line(), reached=seen.right, keep=chosen.record))


if __name__ == "__main__":
    main()
