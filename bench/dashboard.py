"""``python -m bench.dashboard``: server time of each page with 10,000 stored calls.

The calls have a conversation each, as long as that of three minutes. Flask's own
client asks for each page: the time is that of use case, store and template.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.engine import Connection

from app.store import accounts
from app.store.schema import call_events, calls, messages
from app.store.vault import digest
from bench.fresh import new_app
from providers.events import EventKind

ORG, KEY = "44444444-4444-4444-8444-444444444444", "the key of the dashboard's bench"
AT_ONCE = 500
TIMES = 7
MOST_MS = 200.0
REASONS = (
    *("customer-ended-call",) * 6,
    *("assistant-ended-call",) * 3,
    "assistant-forwarded-call",
    "silence-timed-out",
    "pipeline-error-openai-llm-failed",
    "customer-did-not-answer",
)
TALK = (
    ("bot", "Good morning, this is the reception. What can I do for you?"),
    ("user", "I would like to move my appointment of Thursday to the week after."),
    ("bot", "Of course. May I have your name and the number of the appointment, please?"),
    ("user", "Miller, and it is seventeen seventy-five. In the morning if you can."),
) * 6

PAGES = {
    "calls": "/dashboard/calls",
    "calls, page 150": "/dashboard/calls?page=150",
    "calls by caller": "/dashboard/calls?q=%2B14155550123",
    "calls by words": "/dashboard/calls?q=appointment+miller",
    "calls by rare words": "/dashboard/calls?q=A-4711",
    "calls by reason": "/dashboard/calls?reason=silence-timed-out",
    "calls, live part": "/dashboard/calls/live",
    "overview, a day": "/dashboard/?days=1",
    "overview, a month": "/dashboard/?days=30",
    "wallboard": "/dashboard/wallboard",
    "failed messages": "/dashboard/messages",
    "CSV of the newest": "/dashboard/calls.csv",
}
EXPORTS = {"CSV of the newest"}
"""Files may take longer than a page."""


def main() -> None:
    """Print a line for each page; exit with 1 when one is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    count = parser.parse_args().calls
    with new_app() as app:
        fill(app, count)
        client = signed_in(app)
        print(f"{count} calls")
        slow = [name for name in PAGES if not _measured(client, name)]
    if slow:
        raise SystemExit(f"over {MOST_MS:.0f} ms: {', '.join(slow)}")


def _measured(client: FlaskClient, name: str) -> bool:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        answer = client.get(PAGES[name])
        size = len(answer.data)
        took.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, (name, answer.status)
    median, worst = statistics.median(took), max(took)
    print(f"{name:22} {median:7.1f} ms  worst {worst:7.1f} ms  {size / 1024:7.1f} kB")
    return name in EXPORTS or median < MOST_MS


def signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    answer = client.post("/dashboard/login", data={"secret": KEY})
    assert answer.status_code == 303, answer.status
    return client


def fill(app: Flask, count: int) -> None:
    """An organisation with so many calls, one every four minutes up to now."""
    services: Any = app.extensions["patchbay"]
    now = services.context.now()
    with services.store.write() as conn:
        _organisation(conn, now)
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(count, first + AT_ONCE))
        with services.store.write() as conn:
            conn.execute(calls.insert(), [call_row(number, now) for number in numbers])
            conn.execute(call_events.insert(), list(event_rows(numbers, now)))
            conn.execute(messages.insert(), [_report(number, now) for number in numbers])


def _organisation(conn: Connection, now: datetime) -> None:
    org = {"id": ORG, "name": "bench", "server_url": None, "secret": None}
    accounts.put_org(conn, {**org, "created_at": now, "updated_at": now})
    key = {"id": ORG, "org_id": ORG, "name": "bench", "prefix": KEY[:8], "digest": digest(KEY)}
    accounts.insert_key(conn, {**key, "created_at": now, "revoked_at": None})


def call_row(number: int, now: datetime) -> dict[str, Any]:
    made = _made(number, now)
    is_live, joined = number < 3, number % 13 != 12
    reason = None if is_live else REASONS[number % len(REASONS)]
    customer = {"number": f"+1415555{number % 500:04}"}
    over = made + timedelta(seconds=30 + number % 200)
    return {
        "id": _id(number),
        "org_id": ORG,
        "type": "inboundPhoneCall" if number % 3 else "outboundPhoneCall",
        "provider": "vonage" if number % 4 == 0 else "twilio",
        "provider_call_id": f"CA{number:032x}",
        "status": ("in-progress", "ringing", "queued")[number] if is_live else "ended",
        "ended_reason": reason,
        "started_at": made + timedelta(seconds=2) if joined and number not in (1, 2) else None,
        "ended_at": None if is_live else over,
        "settled_at": None if is_live else over,
        "bypass": True,
        "max_duration": 600,
        "assistant_id": None,
        "customer_id": None,
        "phone_number_id": None,
        "credential_id": None,
        "body": _body(number, made, customer),
        "resolved": {
            "assistant": {"name": ("Reception", "Night shift", "Orders")[number % 3]},
            "customer": customer,
            "phoneNumber": {},
            "number": f"+1415555010{number % 5}",
        },
        "secret": None,
        "timers": {},
        "next_timer_at": None,
        "stream": None,
        "created_at": made,
        "updated_at": made if is_live else over,
    }


def _body(number: int, made: datetime, customer: dict[str, str]) -> dict[str, Any]:
    start = round(made.timestamp() * 1000)
    said = [
        {
            "role": role,
            "message": text,
            "time": start + 7000 * turn,
            "endTime": start + 7000 * turn + 6000 - 40 * (number % 20),
            "secondsFromStart": 7.0 * turn,
            "duration": 6000,
        }
        for turn, (role, text) in enumerate(TALK)
    ]
    return {
        "customer": customer,
        "metadata": {"order": f"A-{number}"},
        "messages": said,
        "transcript": "".join(f"{each['role']}: {each['message']}\n" for each in said),
        "summary": "The caller moved an appointment.",
        "cost": round(0.01 + number % 90 / 1000, 4),
    }


def event_rows(numbers: range, now: datetime) -> Iterator[dict[str, Any]]:
    for number in numbers:
        made = _made(number, now)
        for kind, late in ((EventKind.LEG_ANSWERED, 0.2), (EventKind.MEDIA_CONNECTED, 1.1)):
            at = made + timedelta(seconds=late + number % 7 / 10)
            yield {
                "call_id": _id(number),
                "key": str(kind),
                "kind": str(kind),
                "source": "bench",
                "at": at,
                "received_at": at,
                "generic": False,
                "data": {},
                "raw": {},
            }


def _report(number: int, now: datetime) -> dict[str, Any]:
    made = _made(number, now)
    return {
        "id": str(UUID(int=number + 10**9)),
        "seq": number + 1,
        "org_id": ORG,
        "call_id": _id(number),
        "key": "end-of-call-report",
        "type": "end-of-call-report",
        "url": "https://example.com/messages?token=secret",
        "receiver": "example.com",
        "body": "",
        "state": "failed" if number % 400 == 5 else "delivered",
        "attempts": 6 if number % 400 == 5 else 1,
        "refused": False,
        "next_at": made,
        "created_at": made,
        "updated_at": made,
    }


def _made(number: int, now: datetime) -> datetime:
    return now - timedelta(minutes=4 * number + 1)


def _id(number: int) -> str:
    return str(UUID(int=number + 1))


if __name__ == "__main__":
    main()
