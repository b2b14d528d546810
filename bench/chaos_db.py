"""``python -m bench.chaos_db``: what is acknowledged stays so while PostgreSQL is killed under it.

Each call is created, gets four callbacks, and its messages go to a receiver. Every request is
repeated until it is answered, as carriers and clients do. At the end every call must be over, have
each callback once, and one report under one id. ``--faults`` plays the other failures of a database
(``bench/store_faults.py``) instead.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg

from bench import store_faults
from bench.machine import machine
from bench.postgresql import PostgreSQL, postgresql
from bench.reliability import conclude
from bench.serving import bridge
from bench.store_client import WORDS, StoreClient
from tests.fakes.client_server import Receiver, Request

OF_A_CALL = len(WORDS) + 2
"""Operations of one call: its creation, its callbacks, its report."""
CLIENTS = 8
DOWN_SECONDS = 2.0
DELIVERY_SECONDS = 120.0
"""So long without another report, and the missing ones do not come any more."""


@dataclass
class Seen:
    """The outcome of one run."""

    calls: list[Any] = field(default_factory=list)
    refused: int = 0
    """Operations that were never acknowledged."""
    kills: int = 0
    wrong: list[str] = field(default_factory=list)


class Killer(threading.Thread):
    """Kills PostgreSQL every so many seconds, and starts it again a moment later."""

    def __init__(self, server: PostgreSQL, least: float, most: float) -> None:
        super().__init__(daemon=True)
        self._server, self._least, self._most = server, least, most
        self._random = random.Random(9)
        self.over = threading.Event()
        self.kills = 0

    def run(self) -> None:
        while not self.over.wait(self._random.uniform(self._least, self._most)):
            self._server.kill()
            self.kills += 1
            time.sleep(self._random.uniform(0.0, DOWN_SECONDS))
            self._server.start()


def one_call(client: StoreClient, number: int, seen: Seen) -> None:
    call = client.created(f"chaos-{number}")
    if call is None:
        seen.refused += OF_A_CALL
        return
    seen.calls.append(call)
    seen.refused += sum(not client.said(call, word) for word in WORDS)


def paced(client: StoreClient, calls: int, rate: float, seen: Seen) -> None:
    """So many calls, at most ``rate`` operations a second."""
    began = time.monotonic()

    def run(number: int) -> None:
        time.sleep(max(0.0, began + number * OF_A_CALL / rate - time.monotonic()))
        one_call(client, number, seen)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(run, range(calls)))


class Reports:
    """The ids under which each call's report came. Each request is read once."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._read = 0
        self.came = defaultdict[str, set[str]](set)

    def look(self) -> int:
        """Read what has come since. Returns the number of calls with a report."""
        for request in tuple(self._receiver.requests[self._read :]):
            self._read += 1
            if b'"end-of-call-report"' in request.body and _is_whole(request):
                message = json.loads(request.body)["message"]
                if message["type"] == "end-of-call-report":
                    self.came[message["call"]["id"]].add(request.headers["webhook-id"])
        return len(self.came)


def _is_whole(request: Request) -> bool:
    return len(request.body) == int(request.headers["content-length"])


def await_reports(reports: Reports, calls: int) -> None:
    """Wait until all are there, or none has come for ``DELIVERY_SECONDS``."""
    came, until = -1, 0.0
    while (now := reports.look()) < calls:
        if now > came:
            came, until = now, time.monotonic() + DELIVERY_SECONDS
        if time.monotonic() > until:
            return
        time.sleep(0.2)


def check(url: str, seen: Seen, came: Mapping[str, set[str]]) -> None:
    """Compare what was acknowledged with what is stored and what was delivered."""
    with psycopg.connect(url) as conn:
        states: dict[str, str] = dict(conn.execute("SELECT id, status FROM calls").fetchall())
        found = conn.execute("SELECT call_id, raw ->> 'CallStatus' FROM call_events").fetchall()
    words = [(call_id, word) for call_id, word in found if word]
    if len(words) != len(set(words)):
        seen.wrong.append(f"{len(words) - len(set(words))} callbacks stored twice")
    stored = set(words)
    for call in seen.calls:
        call_id = call["id"]
        if states.get(call_id) != "ended":
            seen.wrong.append(f"call {call_id} is {states.get(call_id)}")
        lost = [word for word in WORDS if (call_id, word) not in stored]
        if lost:
            seen.wrong.append(f"call {call_id} lost {lost}")
        if len(came.get(call_id, ())) != 1:
            told = f"call {call_id} has {len(came.get(call_id, ()))} reports"
            seen.wrong.append(f"{told}; {_messages(conn, call_id)}")
    if strangers := states.keys() - {call["id"] for call in seen.calls}:
        seen.wrong.append(f"{len(strangers)} calls that nobody was told of")


def _messages(conn: psycopg.Connection[Any], call_id: str) -> str:
    """What the database has of a call's messages."""
    found = conn.execute(
        "SELECT m.type, m.state, m.attempts, round(extract(epoch FROM m.next_at - now())), "
        "(SELECT max(coalesce(a.error, a.status_code::text)) FROM message_attempts a "
        "WHERE a.message_id = m.id) FROM messages m WHERE m.call_id = %s ORDER BY m.seq",
        [call_id],
    ).fetchall()
    return ", ".join(" ".join(map(str, row)) for row in found)


def run(operations: int, rate: float, least: float, most: float) -> tuple[Seen, StoreClient]:
    seen = Seen()
    with postgresql() as server, Receiver() as receiver:
        more = {"RUN_JOBS": "1", "SETTLE_SECONDS": "0.5", "PRICE_SECONDS": "0"}
        with bridge(1, server.url, {**more, "RECONCILE_SECONDS": "600"}) as process:
            client = StoreClient(process.port, receiver.url)
            killer = Killer(server, least, most)
            killer.start()
            paced(client, operations // OF_A_CALL, rate, seen)
            killer.over.set()
            killer.join()
            seen.kills = killer.kills
            reports = Reports(receiver)
            await_reports(reports, len(seen.calls))
        reports.look()
        check(server.url, seen, reports.came)
    return seen, client


def chaos(chosen: argparse.Namespace) -> int:
    """Returns the exit status."""
    began = time.monotonic()
    seen, client = run(chosen.operations, chosen.rate, chosen.least, chosen.most)
    answers = client.answers
    done = len(seen.calls) * OF_A_CALL - seen.refused
    told = (
        f"{done:,} operations, {seen.kills} kills in {time.monotonic() - began:.0f} s: "
        f"{len(seen.wrong)} wrong or lost, {answers.wrong} errors other than 503, "
        f"{answers.statuses['503']} times 503, {seen.refused} never acknowledged"
    )
    more = [*seen.wrong[:10], f"statuses {dict(answers.statuses)}"]
    more.append("slowest: " + ", ".join(f"{k} {v:.1f} s" for k, v in answers.slowest.items()))
    good = not (seen.wrong or answers.wrong or seen.refused)
    return conclude("chaos-db", told, *more, reached=good, keep=chosen.record)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--operations", type=int, default=1000)
    options.add_argument("--rate", type=float, default=25.0, help="operations a second")
    options.add_argument("--least", type=float, default=5.0, help="seconds between two kills")
    options.add_argument("--most", type=float, default=40.0)
    options.add_argument("--faults", action="store_true", help="the other failures instead")
    options.add_argument("--only", help="of the failures, the one of this name")
    options.add_argument("--record", action="store_true", help="keep it for docs/reliability.md")
    chosen = options.parse_args()
    print(machine())
    only, keep = chosen.only, chosen.record
    sys.exit(store_faults.play(only, keep=keep) if chosen.faults else chaos(chosen))


if __name__ == "__main__":
    main()
