"""Sends the server messages that are due: of each call one at a time, in their order.

One thread reads what is due, and gives it to workers. It stores the results of many attempts in one
transaction. A message is sent outside any transaction. A crash in between sends it again under
the same ``webhook-id``. Calls do not wait for each other.

On SQLite one process of the machine delivers, the one that holds ``<file>.delivery.lock``. On
PostgreSQL processes share the work. Each leases a message, and another takes it over when the lease
ends. A commit in this process wakes the dispatcher, and it notices those of others by polling.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.delivery.fair_share import MOST, WORKERS, FairShare
from app.delivery.sender import Sender, Sent
from app.domain.calls import record
from app.domain.calls.record import Call
from app.domain.context import Context
from app.jobs.foreground import GiveWay, never
from app.jobs.serving_thread import ServingThread
from app.net.threads import Workers
from app.store import outbox
from app.store.again import one_transaction
from app.store.engine import Row
from app.store.messages import receiver_of
from app.store.outbox import Result, Untried
from providers.common.json_types import JsonObject

# Seconds between two looks for another process's commits.
POLL = 0.25
# Seconds from one turn to the next at least, unless more is due: so each has more to do.
PACE = 0.01
# Seconds that the first result of a transaction waits for others: a commit costs more than they do.
LINGER = 0.02
# After this a message is late. While one is, delivery gives way to no request.
LATE = timedelta(seconds=0.25)
# Seconds of a lease: a killed process's messages are sent by another process after it.
LEASE = 30.0
# Most results of one transaction.
BATCH = 64
# Seconds until a message comes again that could not be made, such as with another SECRET_KEY.
FAULT_PAUSE = 30.0
# Seconds that a message is held behind an older one, unless that ends before.
HOLD = 60.0
# Seconds between two looks for messages to hold.
HOLD_EVERY = 1.0

Spawn = Callable[[Callable[[], None]], None]
ReadCall = Call | Callable[[], Call]
"""A call that was read, or what reads it and may fail."""

log = logging.getLogger(__name__)


class Ended(NamedTuple):
    """An attempt that is over, and the time of its end by ``time.monotonic``."""

    message: Row
    sent: Sent
    at: float


class Lease(NamedTuple):
    """Messages that this process may have leased, and did not begin to send."""

    ids: Collection[str]
    until: datetime


class Dispatcher:
    """Delivers while it is started.

    ``spawn`` runs an attempt, usually in a worker's thread. ``give_way`` is called before each turn,
    unless a message is late.
    """

    def __init__(
        self,
        context: Context,
        spawn: Spawn | None = None,
        *,
        lease: float = LEASE,
        give_way: GiveWay = never,
    ) -> None:
        self._context = context
        self._store = context.store
        self._sender = Sender(context)
        self._workers = Workers(WORKERS, "dispatcher")
        self._spawn = spawn or self._workers.run
        self._shares = FairShare()
        self._give_way = give_way
        self._lease = timedelta(seconds=lease)
        self._busy: dict[str, str] = {}  # the message that is sent, by its call
        self._ended: deque[Ended] = deque()
        self._unbegun: deque[Lease] = deque()
        self._most = BATCH  # results of the next transaction
        self._wake = context.message_queued
        self._thread = ServingThread(
            context.store, "dispatcher", self._serve, self._wake.set, lock="delivery"
        )
        self._stopping = self._thread.stopping
        self._renew_at = self._hold_at = 0.0
        self._is_late = False

    def wake(self, _payload: JsonObject | None = None) -> None:
        """Look at once. It is also the handler of ``deliver``, a job of the version before."""
        self._wake.set()

    @property
    def busy(self) -> int:
        """The number of messages that are being sent, or whose results are not stored."""
        return len(self._busy)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Begin no attempt, and wait for those in progress at most ``timeout`` seconds."""
        self._thread.stop(timeout)

    # ------------------------------------------------------------------ its thread

    def _serve(self) -> None:
        """Deliver until a stop, and then until the attempts in progress have ended."""
        while not self._stopping.is_set() or self._busy:
            if not self._is_late:
                self._give_way()
            self._wake.clear()  # before the look: a later commit wakes us again
            began = time.monotonic()
            try:
                more = self.turn(stores=self._until_ripe() <= 0.0)
            except Exception as error:
                if not self._store.outage.explains(error):
                    log.exception("the dispatcher stumbled and goes on in a second")
                time.sleep(1.0)
            else:
                if not more:
                    self._rest()
                    if len(self._ended) < MOST:
                        self._stopping.wait(max(0.0, began + PACE - time.monotonic()))
        self._workers.close()
        self._sender.close()

    def _rest(self) -> None:
        """Wait for a commit, for results that have waited long enough, or for the next look."""
        look_at = time.monotonic() + POLL
        while not self._wake.wait(min(self._until_ripe(), POLL)):
            if not self._busy or self._until_ripe() <= 0.0 or time.monotonic() >= look_at:
                return

    def _until_ripe(self) -> float:
        """Seconds until results are stored: ``LINGER`` after the first, or when they are many."""
        if self._ended:
            if len(self._ended) >= MOST or self._stopping.is_set():
                return 0.0
            return max(0.0, self._ended[0].at + LINGER - time.monotonic())
        return LINGER if self._busy else POLL

    def turn(self, *, stores: bool = True) -> bool:
        """Store what has ended, and begin what is due. Returns whether more may be due."""
        if stores:
            self._record()
        self._renew()
        self._give_back()
        if self._stopping.is_set():
            return False
        self._hold()
        wanted = WORKERS - len(self._busy)
        if not wanted:
            return False
        found = self._due(wanted)
        if found or not self._busy:  # else those behind the busy ones may be as late as before
            self._is_late = bool(found) and self._context.now() - found[0]["next_at"] > LATE
        if found:
            self._begin([row for row in found if self._shares.acquire(_receiver(row))])
        return len(found) == wanted

    def _due(self, number: int) -> Sequence[Row]:
        busy, full = self._busy.keys(), self._shares.full()
        with self._store.read() as conn:
            now = self._context.now()
            return outbox.sendable(conn, now, number, busy_calls=busy, full_receivers=full)

    def _begin(self, chosen: Sequence[Row]) -> None:
        """Send these. What is not begun, whatever fails, returns its receiver's share."""
        if not chosen:
            return
        begun, until = set[str](), self._context.now() + self._lease
        try:
            ours, calls = self._taken(chosen, until)
            for row in chosen:
                work = calls.get(row["call_id"])  # None: it was deleted since the look
                if work is not None and row["id"] in ours:
                    self._spawn(partial(self._send, row, work))
                    self._busy[row["call_id"]] = row["id"]
                    begun.add(row["id"])
        except Exception:
            self._unbegun.append(Lease({row["id"] for row in chosen} - begun, until))
            raise
        finally:
            for row in chosen:
                if row["id"] not in begun:
                    self._shares.release(_receiver(row), hung=None)

    def _taken(
        self, chosen: Sequence[Row], until: datetime
    ) -> tuple[Collection[str], Mapping[str, ReadCall]]:
        """Lease these ``until`` then.

        Returns the ids of those that no other process sends, and the calls, by id.
        """
        call_ids = {row["call_id"] for row in chosen}
        with self._store.read() as conn:  # what goes out together is committed by itself
            record.foresee_several(conn, call_ids)
            ours = self._leased(conn, [row["id"] for row in chosen], until)
            return ours, self._calls_of(conn, call_ids)

    def _calls_of(self, conn: Connection, ids: Collection[str]) -> Mapping[str, ReadCall]:
        """The messages' calls, by id. One that cannot be read holds up no other."""
        try:
            return record.get_several(conn, ids)
        except SQLAlchemyError:
            raise
        except Exception:  # a newer version wrote what this one does not know
            return {each: partial(self._call, each) for each in ids}

    def _call(self, call_id: str) -> Call:
        with self._store.read() as conn:
            return record.get_several(conn, [call_id])[call_id]

    def _leased(self, conn: Connection, ids: Collection[str], until: datetime) -> Collection[str]:
        """Of these messages, those that no other process sends."""
        if self._store.is_sqlite:
            return ids
        return outbox.lease(conn, ids, self._context.now(), until)

    def _give_back(self) -> None:
        """Return the leases of what was not begun: the failure may have been that of an answer."""
        while self._unbegun:
            if not self._store.is_sqlite:
                with self._store.write() as conn:
                    outbox.give_back(conn, *self._unbegun[0])
            self._unbegun.popleft()

    def _send(self, message: Row, call: ReadCall) -> None:
        """Make the attempt, in a worker's thread."""
        try:
            sent = self._sender.send(message, call if isinstance(call, Call) else call())
        except Exception as error:
            if not self._store.outage.explains(error):
                log.exception("message %s cannot be sent", message["id"])
            until = self._context.now() + timedelta(seconds=FAULT_PAUSE)
            sent = Sent(Untried(message, until), hung=None)
        self._ended.append(Ended(message, sent, time.monotonic()))
        if len(self._ended) >= MOST:
            self._wake.set()

    def _record(self) -> None:
        """Store the results. After a failure of the store they wait, and their calls with them.

        A result that cannot be stored goes to the end. The others are stored one by one then. They
        may be stored already: the failure may have been that of the commit's answer.
        """
        while self._ended:
            batch = [*islice(self._ended, self._most)]
            try:
                self._store_results([each.sent.result for each in batch], again=self._most < BATCH)
            except Exception:
                self._ended.rotate(-len(batch))
                self._most = 1
                raise
            for message, sent, _ in batch:
                self._ended.popleft()
                del self._busy[message["call_id"]]
                self._shares.release(_receiver(message), hung=sent.hung)
        self._most = BATCH

    @one_transaction
    def _store_results(self, results: Sequence[Result], *, again: bool) -> None:
        with self._store.write() as conn:
            outbox.record(conn, results, self._context.now(), again=again)

    def _renew(self) -> None:
        """Renew the leases of what is being sent."""
        if self._store.is_sqlite or time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + self._lease.total_seconds() / 6
        if self._busy:
            with self._store.write() as conn:
                outbox.renew(conn, self._busy.values(), self._context.now() + self._lease)

    def _hold(self) -> None:
        """Put off what waits for an older message of its call."""
        if time.monotonic() < self._hold_at:
            return
        now = self._context.now()
        with self._store.read() as conn:
            held = outbox.held(conn, now, BATCH)
        if held:
            with self._store.write() as conn:
                outbox.hold(conn, held, now, now + timedelta(seconds=HOLD))
        if len(held) < BATCH:
            self._hold_at = time.monotonic() + HOLD_EVERY


def _receiver(message: Row) -> str:
    """A message of the version before has none stored."""
    return message["receiver"] or receiver_of(message["url"])
