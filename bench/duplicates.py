"""``python -m bench.duplicates``: a call's webhooks again and again, to two processes at once.

At each step of a call all its requests so far are repeated. The headers that no carrier signs are
changed. Then the rows are compared, column by column.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, cast
from uuid import uuid4

import sqlalchemy as sa
import urllib3
from flask import Flask
from websockets.sync.client import connect

from app.cli.processes import free_port
from app.store.schema import call_events, call_refs, call_tokens, calls, messages
from bench.database import Database, database
from bench.machine import machine
from bench.reliability import conclude
from bench.serving import KEY, environment, running, wait
from providers.simulation.timeline import Request
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import ACCOUNT, API_KEY, AUTH_TOKEN, SIGNATURE_SECRET
from tests.fakes.carriers.leg import Document, Leg

ACCOUNTS = {"twilio": (ACCOUNT, AUTH_TOKEN), "vonage": (API_KEY, SIGNATURE_SECRET)}
QUERIES = {
    **{table.name: sa.select(table) for table in (calls, call_events, call_refs, call_tokens)},
    "messages": sa.select(messages.c.id, messages.c.key),  # the rest changes by its delivery
}
QUIET = 0.5
"""Seconds without a change, so that nothing else is under way."""
AT_ONCE = 16
PATIENCE = 20.0
Rows = Mapping[str, list[str]]


class Answer(NamedTuple):
    """What a carrier reads of an answer, named as Flask's test client names it."""

    status_code: int
    text: str


class Sent(NamedTuple):
    """One genuine webhook: as it was signed, and how to sign it anew."""

    request: Request
    again: Callable[[], Request]


@dataclass
class Bridge:
    """Two processes on one database. ``base`` is their public URL."""

    base: str
    ports: tuple[int, int]
    engine: sa.Engine
    http: urllib3.PoolManager = field(default_factory=partial(urllib3.PoolManager, maxsize=AT_ONCE))
    sent: list[Sent] = field(default_factory=list)

    def api(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        answer = self.http.request(method, self.base + path, body=data, headers=headers)
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.data!r}")
        return json.loads(answer.data)

    def deliver(self, request: Request, port: int, more: Mapping[str, str] | None = None) -> Answer:
        answer = self.http.request(
            request.method,
            request.url.replace(self.base, f"http://127.0.0.1:{port}"),
            body=request.body,
            headers={**request.headers, **(more or {})},
            retries=False,
        )
        return Answer(answer.status, answer.data.decode())

    def leg(self, carrier: str) -> Leg:
        """A leg whose webhooks go to the first process, and are remembered."""
        leg = FAKES[carrier].leg(cast("Flask", None), *ACCOUNTS[carrier])

        def post(
            url: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
        ) -> Answer:
            whole = {**leg._names(), **fields}
            url = url if url.startswith("http") else self.base + url
            again = partial(leg.signer.request, "POST", url, whole)
            request = again()
            self.sent.append(Sent(request, again))
            return self.deliver(request, self.ports[0], headers)

        vars(leg)["post"] = post
        return leg

    def rows(self) -> Rows:
        with self.engine.connect() as conn:
            return {
                name: sorted(repr(tuple(row)) for row in conn.execute(query))
                for name, query in QUERIES.items()
            }

    def quiet_rows(self) -> Rows:
        """The rows, once nothing has changed for a while."""
        found = self.rows()
        while True:
            time.sleep(QUIET)
            before, found = found, self.rows()
            if before == found:
                return found

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > limit:
                raise SystemExit(f"{what} did not come in {PATIENCE:.0f} s")
            time.sleep(0.05)

    def repeat(self, times: int) -> Counter[int]:
        """All webhooks so far, so many times each; the statuses of the answers."""
        requests = [
            (each.again() if number % 2 else each.request, self.ports[number // 2 % 2])
            for number in range(times)
            for each in reversed(self.sent)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = pool.map(lambda each: self.deliver(each[0], each[1], _unsigned()), requests)
            return Counter(answer.status_code for answer in answers)


def _unsigned() -> dict[str, str]:
    """Headers that no carrier signs."""
    names = ("I-Twilio-Idempotency-Token", "X-Request-Id", "User-Agent")
    return {name: str(uuid4()) for name in names}


@contextmanager
def two_processes(stored: Database) -> Iterator[Bridge]:
    ports = (free_port(), free_port())
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        env = environment(ports[0], directory, stored.url)
        env |= {"SETTLE_SECONDS": "0.5", "PUBLIC_URL": f"http://localhost:{ports[0]}"}
        python = [sys.executable, "-m"]
        subprocess.run(
            [*python, "flask", "--app", "app", "db", "upgrade"],
            env=env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for port in ports:
            command = [*python, "gunicorn", "-k", "app.server.worker.Worker", "-w", "1"]
            command += ["-b", f"127.0.0.1:{port}", "--log-level", "error"]
            own = {**env, "PORT": str(port), "RUN_JOBS": "1" if port == ports[0] else "0"}
            stack.enter_context(running([*command, "bench.application:application"], own, None))
        for port in ports:
            wait(f"http://127.0.0.1:{port}/readyz")
        url = env["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
        engine = sa.create_engine(url)
        yield Bridge(env["PUBLIC_URL"], ports, engine)
        engine.dispose()


# ------------------------------------------------------------------ the call


def story(bridge: Bridge, carrier: str) -> Iterator[str]:
    """A leg arrives, is reattached twice, and ends; a name for each step."""
    leg = bridge.leg(carrier)
    transport = {"transport": {"provider": "echo"}}
    assistant = bridge.api("POST", "/assistant", {"name": "bench", **transport})["id"]
    document = _document(leg, leg.arrive({"assistantId": assistant}))
    yield "arrived"
    for turn in (1, 2):
        with _joined(bridge, leg, document):
            yield "joined"
        document = _document(leg, leg.ask(document, turn))
        yield "asked for the next document"
    with _joined(bridge, leg, document):
        leg.say("ringing", 1)
        leg.say("completed", 60, lasted=50)
    bridge.until("the settled end", lambda: "call.settled" in _events(bridge, leg))
    yield "ended"


def _document(leg: Leg, answer: Any) -> Document:
    found = leg.read(answer.text) if answer.status_code == 200 else None
    if found is None:
        raise SystemExit(f"{leg.name}: no document but {answer}")
    return found


@contextmanager
def _joined(bridge: Bridge, leg: Leg, document: Document) -> Iterator[None]:
    """The leg's media socket, open."""
    url, stream = document.media_url, document.media_url.rpartition("/")[2][:24]
    caller = FAKES[leg.name].caller("bench")
    for name, value in (("call", leg.ref), ("account", leg.account)):
        if hasattr(caller, name):
            setattr(caller, name, value)
    with connect(url, additional_headers=leg.signer.handshake(url), proxy=None) as socket:
        for message in caller.opening():
            socket.send(message)
        bridge.until("the join", lambda: stream in _events(bridge, leg))
        yield


def _events(bridge: Bridge, leg: Leg) -> str:
    [call] = bridge.api("GET", f"/call?phoneCallProviderId={leg.call_ref}")
    return json.dumps(bridge.api("GET", f"/call/{call['id']}/events"))


# ------------------------------------------------------------------ the bench


def measure(stored: Database, times: int) -> tuple[int, int, int]:
    """Duplicates, answers with an error of ours, and rows that differ."""
    duplicates = errors = differ = 0
    with two_processes(stored) as bridge:
        for carrier in FAKES:
            bridge.sent.clear()
            for step in story(bridge, carrier):
                before = bridge.quiet_rows()
                statuses = bridge.repeat(times)
                after = bridge.quiet_rows()
                other = sum(_differences(before, after).values())
                duplicates += statuses.total()
                errors += sum(n for status, n in statuses.items() if status >= 500)
                differ += other
                counts = ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items()))
                sizes = f"{len(before['call_events'])} -> {len(after['call_events'])} events"
                print(f"{carrier:<7} {step:<28} {counts:<32} {sizes}, {other} rows differ")
    return duplicates, errors, differ


def _differences(before: Rows, after: Rows) -> dict[str, int]:
    return {name: len(set(before[name]) ^ set(after[name])) for name in before}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=40, help="each request, at each step")
    options.add_argument("--record", action="store_true", help="keep the figure")
    chosen = options.parse_args()
    print(machine())
    totals = []
    for postgresql in (False, True):
        with database(postgresql=postgresql) as stored:
            print(stored.name)
            totals.append(measure(stored, chosen.times))
    duplicates, errors, differ = map(sum, zip(*totals, strict=True))
    seen = (
        f"{duplicates:,} duplicates to two processes, SQLite and PostgreSQL: "
        f"{differ} rows differ, {errors} × 5xx"
    )
    sys.exit(conclude("duplicates", seen, reached=not (errors or differ), keep=chosen.record))


if __name__ == "__main__":
    main()
