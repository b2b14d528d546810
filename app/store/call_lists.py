"""Lists of an organisation's calls, each by an index.

A list is put together from parts. Each part reads one index in the list's order, and stops at the
end of the page. The indexes of most filters have settled calls only. So a request that creates or
changes a call writes none of them. The unsettled calls are few; one part reads them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.call_search import PATHS, Number, has_words
from app.store.engine import Row, every
from app.store.schema import IS_SETTLED, IS_UNSETTLED, IS_UPDATED_LATE, LATE, calls
from providers.events import CallStatus

COUNTED = 10_000
"""A count goes on to here, or to the call after the page if that is further."""
SKEW = timedelta(minutes=1)
"""Between the clocks of two machines, of which one creates a call and the other updates it."""

_INDEXED = frozenset(
    {"assistant_id", "squad_id", "phone_number_id", "provider_call_id", "ended_reason", *PATHS}
)
_OPERATORS = {
    "gt": sa.ColumnElement.__gt__,
    "lt": sa.ColumnElement.__lt__,
    "ge": sa.ColumnElement.__ge__,
    "le": sa.ColumnElement.__le__,
}

Time = tuple[str, str, datetime]
Terms = tuple[sa.ColumnElement[bool] | sa.TextClause, ...]


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to list, newest first unless ``ascending``.

    ``equal`` maps columns, or numbers of ``call_search.py``, to values. ``times`` is (column,
    operator, value). ``text`` has words that are all in the call. ``number`` is the customer's or
    ours. ``page`` counts from 1.
    """

    equal: Mapping[str, str] = field(default_factory=dict)
    times: Sequence[Time] = ()
    limit: int = 100
    page: int = 1
    ascending: bool = False
    text: str = ""
    number: str = ""

    @property
    def end(self) -> int:
        """The number of calls up to the end of the page."""
        return self.limit * self.page


def listing(conn: Connection, org_id: str, wanted: CallFilter) -> Sequence[Row]:
    """One page of calls."""
    dialect = conn.dialect.name
    parts = [_keys(org_id, terms) for terms in _parts(dialect, wanted)]
    keys = [_ordered(part, calls.c, wanted).limit(wanted.end) for part in parts]
    late = [_keys(org_id, terms) for terms in _late(dialect, wanted)]  # unordered: see there
    found = sa.union_all(*(sa.select(part.subquery()) for part in keys + late)).subquery()
    page = _ordered(sa.select(found.c.id), found.c, wanted).limit(wanted.limit)
    if wanted.page > 1:
        page = page.offset(wanted.end - wanted.limit)
    own = page.subquery()
    query = sa.select(calls).join(own, calls.c.id == own.c.id)
    return every(conn.execute(_ordered(query, calls.c, wanted)))


def count(conn: Connection, org_id: str, wanted: CallFilter) -> int:
    """The number of calls on all pages, as far as ``COUNTED``."""
    most = max(COUNTED, wanted.end + 1)
    dialect = conn.dialect.name
    terms = (*_parts(dialect, wanted), *_late(dialect, wanted))
    parts = [_keys(org_id, each).limit(most).subquery() for each in terms]
    numbers = [sa.select(sa.func.count()).select_from(part).scalar_subquery() for part in parts]
    return min(most, sum(conn.execute(sa.select(*numbers)).one()))


def _keys(org_id: str, terms: Terms) -> sa.Select[Any]:
    return sa.select(calls.c.id, calls.c.created_at).where(calls.c.org_id == org_id, *terms)


def _ordered(query: sa.Select[Any], columns: Any, wanted: CallFilter) -> sa.Select[Any]:
    key = sa.asc if wanted.ascending else sa.desc
    return query.order_by(key(columns.created_at), key(columns.id))


def _parts(dialect: str, wanted: CallFilter) -> Iterator[Terms]:
    """The terms of each part. No call is in two of them."""
    equal = (_value(name) == value for name, value in wanted.equal.items())
    terms = *equal, *_times(wanted.times), *_times(_implied(wanted.times))
    for settled in _settled(wanted):
        words = _words(dialect, wanted, is_settled=settled == (IS_SETTLED,))
        for number in _numbers(wanted.number):
            yield *settled, *terms, *words, *number


def _value(name: str) -> sa.ColumnElement[Any]:
    return Number(name) if name in PATHS else calls.c[name]


def _numbers(number: str) -> tuple[Terms, ...]:
    """The calls of a customer, and those of our number apart from these: each has an index."""
    if not number:
        return ((),)
    customer, ours = Number("customer_number"), Number("our_number")
    return (customer == number,), (ours == number, sa.func.coalesce(customer, "") != number)


def _words(dialect: str, wanted: CallFilter, *, is_settled: bool) -> Terms:
    return tuple(has_words(dialect, wanted.text, is_settled)) if wanted.text else ()


def _late(dialect: str, wanted: CallFilter) -> Iterator[Terms]:
    """The terms of calls that were created long before the ``updated_at`` that is asked for.

    SQLite would prefer an index with an equal column or the list's order, and read all older calls.
    So ``coalesce`` hides the columns, and the part has no order.
    """
    since = _updated_since(wanted.times)
    if since is not None:
        equal = (sa.func.coalesce(_value(c), "") == value for c, value in wanted.equal.items())
        before = calls.c.created_at < since - LATE
        terms = IS_UPDATED_LATE, *equal, *_times(wanted.times), before
        for settled in ((IS_UNSETTLED,), (IS_SETTLED,)) if wanted.text else ((),):
            words = _words(dialect, wanted, is_settled=settled == (IS_SETTLED,))
            for number in _numbers(wanted.number):
                yield *settled, *terms, *words, *number


def _settled(wanted: CallFilter) -> tuple[Terms, ...]:
    """How the filter divides the calls into unsettled and settled ones."""
    if wanted.equal.get("status", CallStatus.ENDED) != CallStatus.ENDED:
        return ((IS_UNSETTLED,),)  # only an ended call is settled
    divides = wanted.text or wanted.number or _INDEXED & wanted.equal.keys()
    return ((IS_UNSETTLED,), (IS_SETTLED,)) if divides else ((),)


def _implied(times: Sequence[Time]) -> Iterator[Time]:
    """Bounds of the creation: it is before each update, and not long before unless it was late."""
    for column, operator, at in times:
        if column == "updated_at" and operator in {"lt", "le"}:
            yield "created_at", operator, at + SKEW
    since = _updated_since(times)
    if since is not None:
        yield "created_at", "ge", since - LATE


def _updated_since(times: Sequence[Time]) -> datetime | None:
    """The greatest lower bound of ``updated_at``."""
    bounds = (at for column, name, at in times if column == "updated_at" and name in {"gt", "ge"})
    return max(bounds, default=None)


def _times(times: Iterable[Time]) -> Iterator[sa.ColumnElement[bool]]:
    for column, name, at in times:
        yield _OPERATORS[name](calls.c[column], at)
