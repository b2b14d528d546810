"""What a person types into the search, as the store's filter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from app.domain.context import Context
from app.domain.ids import parse_uuid
from app.store import calls
from app.store.call_lists import CallFilter
from providers.common.json_types import JsonObject
from providers.events import CallStatus, EndedReason

PAGE_ROWS = 50
MOST_PAGES = 1000
MOST_TEXT = 255

NUMBER = re.compile(r"\+?[\d\s().-]{5,}")
REF = re.compile(r"[A-Za-z0-9-]{8,128}")
"""A carrier's id: a CallSid, a conversation."""


@dataclass(frozen=True, slots=True)
class Search:
    """The fields of the form, as they were given."""

    text: str = ""
    status: str = ""
    reason: str = ""
    since: str = ""
    until: str = ""
    """Days as ``2024-09-10``, in UTC; the last one is included."""
    page: int = 1
    assistant: str = ""
    """The id of a stored assistant."""

    @property
    def is_empty(self) -> bool:
        words = self.text, self.status, self.reason, self.since, self.until, self.assistant
        return not any(words)


def search_of(given: Mapping[str, str]) -> Search:
    """A search from a query string. A word that is not a value of its field is left out."""
    status, reason = given.get("status", ""), given.get("reason", "")
    number = given.get("page", "1")
    return Search(
        text=given.get("q", "").strip()[:MOST_TEXT],
        status=status if status in {str(each) for each in CallStatus} else "",
        reason=reason if reason in {str(each) for each in EndedReason} else "",
        since=given.get("since", "") if _day(given.get("since", "")) else "",
        until=given.get("until", "") if _day(given.get("until", "")) else "",
        assistant=parse_uuid(given.get("assistant", "")) or "",
        page=min(max(int(number), 1), MOST_PAGES) if number.isdecimal() and len(number) < 8 else 1,
    )


def filters(context: Context, org_id: str, search: Search) -> CallFilter:
    """The narrowest filter that the text fits.

    An id finds its call; a number the calls of that customer, or of that number of ours. All other
    text is looked for as words.
    """
    equal = {
        "status": search.status,
        "ended_reason": search.reason,
        "assistant_id": search.assistant,
    }
    wanted = CallFilter(
        {name: value for name, value in equal.items() if value},
        list(_times(search)),
        PAGE_ROWS,
        search.page,
    )
    return _with_text(context, org_id, wanted, search.text) if search.text else wanted


def _with_text(context: Context, org_id: str, wanted: CallFilter, text: str) -> CallFilter:
    if known := parse_uuid(text):
        found = _by_ref(context, org_id, known)  # a conversation's id has the same form
        return replace(wanted, equal={**wanted.equal, "id": found or known})
    if NUMBER.fullmatch(text):
        return replace(wanted, number="+" + re.sub(r"\D", "", text))
    if REF.fullmatch(text) and (found := _by_ref(context, org_id, text)):
        return replace(wanted, equal={**wanted.equal, "id": found})
    return replace(wanted, text=text)


def _by_ref(context: Context, org_id: str, ref: str) -> str | None:
    """The call that a leg or a conversation of a carrier belongs to."""
    with context.store.read() as conn:
        found: Iterator[JsonObject | None] = (
            calls.find_by_ref(conn, name, ref, [org_id]) for name in context.providers
        )
        return next((str(row["id"]) for row in found if row is not None), None)


def _times(search: Search) -> Iterator[tuple[str, str, datetime]]:
    if since := _day(search.since):
        yield "created_at", "ge", since
    if until := _day(search.until):
        yield "created_at", "lt", until + timedelta(days=1)


def _day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
        return (
            datetime(day.year, day.month, day.day, tzinfo=UTC) if 1970 < day.year < 9000 else None
        )
    except ValueError:
        return None
