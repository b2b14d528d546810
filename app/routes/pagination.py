"""A list's query as the store's filter.

Clients see times in milliseconds, and the store keeps microseconds. The bounds are moved so that
rows compare as clients see them. So ``createdAtGt`` with a call's own ``createdAt`` leaves that
call out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from app.routes.schemas.calls import ListCalls, Page, PageCalls
from app.store.call_lists import CallFilter
from app.store.resources import Window

# Query field -> column.
EQUAL = {
    "id": "id",
    "assistant_id": "assistant_id",
    "squad_id": "squad_id",
    "phone_number_id": "phone_number_id",
    "phone_call_provider_id": "provider_call_id",
    "customer_number": "customer_number",
    "phone_number": "our_number",
    "status": "status",
    "ended_reason": "ended_reason",
}

_MILLISECOND = timedelta(milliseconds=1)


def window(query: Page) -> Window:
    return Window(query.limit, list(_times(query)))


def call_filter(query: ListCalls) -> CallFilter:
    given = {column: getattr(query, name) for name, column in EQUAL.items()}
    equal = {column: str(value) for column, value in given.items() if value is not None}
    return CallFilter(equal, list(_times(query)), query.limit, text=query.text or "")


def call_page(query: PageCalls) -> CallFilter:
    ascending = query.sort_order == "ASC"
    return replace(call_filter(query), page=query.page, ascending=ascending)


def _times(query: Page) -> Iterator[tuple[str, str, datetime]]:
    for column in ("created_at", "updated_at"):
        for operator in ("gt", "lt", "ge", "le"):
            at: datetime | None = getattr(query, f"{column}_{operator}")
            if at is not None:
                yield _bound(column, operator, at)


def _bound(column: str, operator: str, at: datetime) -> tuple[str, str, datetime]:
    begun = at.replace(microsecond=at.microsecond // 1000 * 1000)
    following = begun + _MILLISECOND
    if operator in {"gt", "le"}:
        return column, "ge" if operator == "gt" else "lt", following
    return column, operator, at if at == begun else following
