"""An organisation's numbers of the last days: outcomes, delays, costs, deliveries, capacity."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.calls.schedule import LEG_IS_UP
from app.domain.context import Context
from app.domain.reporting.ended_texts import told
from app.store import capacity, overview, queue
from app.store.overview import HOUR, Group, Undelivered
from app.store.schema import EPOCH
from providers.common.json_types import JsonObject
from providers.events import CallStatus

DAYS = (1, 7, 30)
"""The spans that a person may choose."""
MOST_CALLS = 10_000
"""The newest calls that the numbers are of."""
KEPT_SECONDS = 60.0
"""How long the groups of several days are kept: to read them takes longer than a page may."""
MOST_KEPT = 100
MOST_MEASURED = 200
"""The newest calls whose delays are measured."""
LONGEST_TURN = 60.0
"""Seconds after which an answer belongs to no question any more."""
KINDS = ("good", "warn", "bad", "live")
"""Outcomes: as it should be, to be looked at, failed, not over."""


@dataclass(frozen=True, slots=True)
class Span:
    """Calls of one hour or one day, by outcome."""

    since: datetime
    counts: dict[str, int]
    cost: float

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Delay:
    """Of measured seconds: how many, the median, and what 95 of 100 stay under."""

    count: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """``most`` 0: no limit. ``processes`` counts those with a heartbeat, this one included."""

    in_use: int
    most: int
    sockets: int
    processes: int
    waiting: int = 0
    """Legs in the queue."""


@dataclass(frozen=True, slots=True)
class Overview:
    """``is_cut``: there were more than ``MOST_CALLS``. ``joined`` of ``over`` calls were answered."""

    days: int
    hours: list[Span]
    by_day: list[Span]
    total: int
    over: int
    joined: int
    cost: float
    is_cut: bool
    reasons: list[tuple[str, int]]
    join: Delay | None
    turn: Delay | None
    undelivered: Undelivered
    capacity: Capacity


class KeptGroups:
    """The groups of several days, of the organisations that were looked at last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, int], tuple[float, list[Group]]] = {}

    def get(self, org_id: str, days: int, read: Callable[[], list[Group]]) -> list[Group]:
        """One day is always read anew."""
        if days == 1:
            return read()
        until, groups = self._kept.get((org_id, days), (0.0, []))
        if until <= self._clock():
            groups = read()
            self._kept.pop((org_id, days), None)
            self._kept[org_id, days] = self._clock() + KEPT_SECONDS, groups
            while len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)), None)
        return groups


def overview_of(context: Context, kept: KeptGroups, org_id: str, days: int) -> Overview:
    """The numbers of the last so many days."""
    now = context.now()
    since = now - timedelta(days=days)
    with context.store.read() as conn:
        groups = kept.get(org_id, days, lambda: overview.groups(conn, org_id, since, MOST_CALLS))
        measured = overview.joined_calls(conn, org_id, since, MOST_MEASURED)
        joins = overview.joins(conn, [row["id"] for row in measured], LEG_IS_UP)
        undelivered = overview.undelivered(conn, org_id)
        in_use, waiting = capacity.slots_in_use(conn), queue.waiting(conn).legs
    total = sum(group.number for group in groups)
    ended = [group for group in groups if group.status == CallStatus.ENDED]
    turns = [delay for row in measured for delay in turn_delays(row["messages"] or ())]
    return Overview(
        days=days,
        hours=spans(groups, since, now, 1),
        by_day=spans(groups, since, now, 24),
        total=total,
        over=sum(group.number for group in ended),
        joined=sum(group.joined for group in ended),
        cost=sum(group.cost for group in groups),
        is_cut=total >= MOST_CALLS,
        reasons=_reasons(ended),
        join=delay(joins),
        turn=delay(turns),
        undelivered=undelivered,
        capacity=_capacity(context, in_use, waiting),
    )


def spans(groups: Iterable[Group], since: datetime, now: datetime, hours: int) -> list[Span]:
    """Every span of so many hours from ``since`` to now, empty ones included, in UTC."""
    counts: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(KINDS, 0))
    costs: dict[int, float] = defaultdict(float)
    for group in groups:
        counts[group.hour // hours][kind_of(group)] += group.number
        costs[group.hour // hours] += group.cost
    seconds = HOUR * hours
    first, last = (int((at - EPOCH).total_seconds()) // seconds for at in (since, now))
    return [
        Span(EPOCH + timedelta(seconds=each * seconds), dict(counts[each]), costs[each])
        for each in range(first, last + 1)
    ]


def kind_of(group: Group) -> str:
    """The outcome of the group's calls."""
    if group.status != CallStatus.ENDED:
        return "live"
    text = told(group.reason)
    return text.kind if text else "warn"


def turn_delays(messages: Iterable[JsonObject]) -> list[float]:
    """Seconds from the end of each turn of the caller to the assistant's answer."""
    found: list[float] = []
    asked: float | None = None
    for each in messages:
        if each.get("role") == "user" and "endTime" in each:
            asked = each["endTime"]
        elif each.get("role") == "bot" and asked is not None:
            found.append((each["time"] - asked) / 1000)
            asked = None
    return [seconds for seconds in found if 0 <= seconds <= LONGEST_TURN]


def delay(seconds: Sequence[float]) -> Delay | None:
    """None when nothing was measured."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Delay(len(ordered), _rank(ordered, 0.5), _rank(ordered, 0.95))


def _rank(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: the least value that this share of all does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _reasons(ended: Iterable[Group]) -> list[tuple[str, int]]:
    counts: dict[str, int] = defaultdict(int)
    for group in ended:
        counts[group.reason or ""] += group.number
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _capacity(context: Context, in_use: int, waiting: int) -> Capacity:
    presence = context.presence
    return Capacity(
        in_use=in_use,
        most=context.settings.max_concurrent_calls,
        sockets=presence.sockets,
        processes=1 + len(presence.peers),
        waiting=waiting,
    )
