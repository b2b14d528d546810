"""The failures of a database that are not a kill: what is answered meanwhile, and when it goes on.

During each failure creates, callbacks and ``/healthz`` are sent steadily. Afterwards a new call is
taken through its whole life, on the same process: message, timer, media socket.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from app.cli.processes import children
from bench.fault_proxy import FaultProxy
from bench.postgresql import PostgreSQL, postgresql
from bench.reliability import conclude
from bench.serving import Process, bridge
from bench.store_client import StoreClient
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver

SECONDS = 20.0
"""Of each failure."""
EVERY_SECONDS = 0.25
CHECKPOINT_SECONDS = 3.0
BACK_SECONDS = 60.0
"""After the failure, until the bench gives up."""
CALLBACK, API, HEALTH, AFTER = 6.0, 9.0, 1.5, 15.0
"""The promised times, the first three with what a busy machine adds."""
RESTART = 6.0
"""For ``/healthz`` of a process that ends and is started again."""


@dataclass
class Place:
    """One bridge and its database."""

    process: Process
    client: StoreClient
    receiver: Receiver
    database: Path | None = None
    server: PostgreSQL | None = None
    proxy: FaultProxy | None = None


@dataclass
class Outcome:
    """What was seen of one failure."""

    name: str
    slowest: dict[str, float] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    wrong: int = 0
    ready: str = ""
    """What ``/readyz`` said in the middle."""
    back: float | None = None
    lost: int = 0
    """Calls that were acknowledged and are not there afterwards."""
    restarts: bool = False

    @property
    def good(self) -> bool:
        health = RESTART if self.restarts else HEALTH
        limits = {"callback": CALLBACK, "create": API, "healthz": health}
        in_time = all(self.slowest.get(kind, 0.0) <= most for kind, most in limits.items())
        nothing_lost = self.restarts or not self.lost
        return in_time and not self.wrong and nothing_lost and self.came_back

    @property
    def came_back(self) -> bool:
        return self.back is not None and self.back <= AFTER

    def row(self) -> str:
        times = ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in sorted(self.slowest.items()))
        back = "never" if self.back is None else f"{self.back:.1f} s"
        return (
            f"{'ok' if self.good else 'NO':>3} {self.name:<28} slowest s: {times}; "
            f"{self.statuses}; lost {self.lost}; whole again after {back}; readyz: {self.ready}"
        )


# ------------------------------------------------------------------ the failures


@contextmanager
def locked(place: Place) -> Iterator[None]:
    with sqlite3.connect(str(place.database), isolation_level=None) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


@contextmanager
def locked_for_readers_too(place: Place) -> Iterator[None]:
    """The flock that a process of ours hangs with."""
    import fcntl

    with open(f"{place.database}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def injected(error: str, *calls: str) -> Callable[[Place], Any]:
    """Every one of these system calls of the bridge fails."""

    @contextmanager
    def fault(place: Place) -> Iterator[None]:
        worker = children(place.process.pid)[-1]
        names = ",".join(calls)
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(worker)]
        strace = subprocess.Popen(
            [*command, "-e", f"trace={names}", "-e", f"inject={names}:error={error}"],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait()

    return fault


@contextmanager
def away(place: Place) -> Iterator[None]:
    """For the bridge that is a deletion; here the files come back."""
    files = [Path(f"{place.database}{end}") for end in ("", "-wal", "-shm")]
    for file in files:
        file.rename(file.with_suffix(file.suffix + ".away"))
    yield
    for file in files:
        file.unlink(missing_ok=True)
        file.with_suffix(file.suffix + ".away").rename(file)


@contextmanager
def log_deleted(place: Place) -> Iterator[None]:
    Path(f"{place.database}-wal").unlink()
    yield


@contextmanager
def log_damaged(place: Place) -> Iterator[None]:
    """What no checkpoint has copied is lost with it, so that is awaited first."""
    time.sleep(CHECKPOINT_SECONDS)
    log = Path(f"{place.database}-wal")
    with log.open("r+b") as file:
        file.write(os.urandom(log.stat().st_size))
    yield


@contextmanager
def log_damaged_uncopied(place: Place) -> Iterator[None]:
    """Of what was committed just now a part is lost with it: the log says so."""
    for number in range(5):
        place.client.created(f"uncopied-{number}")
    log = Path(f"{place.database}-wal")
    whole = log.stat().st_size
    with log.open("r+b") as file:
        file.seek(whole // 4)
        file.write(os.urandom(whole - whole // 4))
    yield


@contextmanager
def down(place: Place) -> Iterator[None]:
    assert place.server is not None
    place.server.kill()
    yield
    place.server.start()


@contextmanager
def frozen(place: Place) -> Iterator[None]:
    assert place.server is not None
    place.server.signal(signal.SIGSTOP)
    yield
    place.server.signal(signal.SIGCONT)


@contextmanager
def frozen_and_killed(place: Place) -> Iterator[None]:
    assert place.server is not None
    place.server.signal(signal.SIGSTOP)
    yield
    place.server.kill()
    place.server.start()


@contextmanager
def moved(place: Place) -> Iterator[None]:
    """Packets of the old connections are dropped for ever; new ones reach the server."""
    assert place.proxy is not None
    place.proxy.swallow()
    yield
    place.proxy.heal()


@contextmanager
def cut(place: Place) -> Iterator[None]:
    assert place.proxy is not None
    place.proxy.reset()
    yield


SQLITE: dict[str, Callable[[Place], Any]] = {
    "locked by a program": locked,
    "locked by a hung process": locked_for_readers_too,
    "disk full": injected("ENOSPC", "pwrite64"),
    "disk errors": injected("EIO", "pwrite64", "fdatasync"),
    "file system read-only": injected("EROFS", "pwrite64"),
    "file away and back": away,
    "log deleted": log_deleted,
    "log damaged": log_damaged,
    "log damaged, not copied": log_damaged_uncopied,
}
RESTARTS = {log_damaged, log_damaged_uncopied}
"""The disk lost what was acknowledged. The process stops, and its next start says so."""
POSTGRESQL: dict[str, Callable[[Place], Any]] = {
    "killed": down,
    "frozen": frozen,
    "frozen, then killed": frozen_and_killed,
    "packets dropped, moved": moved,
    "connections cut": cut,
}


# ------------------------------------------------------------------ one failure


def play(only: str | None, *, keep: bool) -> int:
    """Play them all. Returns the exit status."""
    outcomes = list[Outcome]()
    for name, fault in SQLITE.items():
        if only in (None, name):
            with on_sqlite() as place:
                outcomes.append(played(f"SQLite: {name}", fault, place))
                print(outcomes[-1].row(), flush=True)
    for name, fault in POSTGRESQL.items():
        if only in (None, name):
            with on_postgresql() as place:
                outcomes.append(played(f"PostgreSQL: {name}", fault, place))
                print(outcomes[-1].row(), flush=True)
    good = all(outcome.good for outcome in outcomes)
    slowest = {
        kind: max(outcome.slowest.get(kind, 0.0) for outcome in outcomes)
        for kind in ("callback", "create", "healthz")
    }
    lost = sum(outcome.lost for outcome in outcomes if not outcome.restarts)
    by_disk = sum(outcome.lost for outcome in outcomes if outcome.restarts)
    backs = [outcome.back for outcome in outcomes]
    worst = "never" if None in backs else f"{max(b for b in backs if b is not None):.1f} s"
    told = (
        f"{sum(outcome.good for outcome in outcomes)} of {len(outcomes)} failures as promised: "
        + ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in slowest.items())
        + f" at most, {lost} lost by the bridge and {by_disk} by the disk, all going on after {worst}"
    )
    return conclude("store-faults", told, reached=good, keep=keep)


MORE = {"RUN_JOBS": "1", "SETTLE_SECONDS": "0.5", "PRICE_SECONDS": "1"}


@contextmanager
def on_sqlite() -> Iterator[Place]:
    directory = tempfile.mkdtemp(prefix="patchbay-faults-")
    try:
        database = Path(directory, "a.db")
        with Receiver() as receiver, bridge(1, f"sqlite:///{database}", MORE) as process:
            yield Place(process, StoreClient(process.port, receiver.url), receiver, database)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def on_postgresql() -> Iterator[Place]:
    with ExitStack() as stack:
        server = stack.enter_context(postgresql())
        proxy = stack.enter_context(FaultProxy(server.port))
        receiver = stack.enter_context(Receiver())
        process = stack.enter_context(bridge(1, server.url_at(proxy.port), MORE))
        client = StoreClient(process.port, receiver.url)
        yield Place(process, client, receiver, server=server, proxy=proxy)


def played(name: str, fault: Callable[[Place], Any], place: Place) -> Outcome:
    outcome, client = Outcome(name, restarts=fault in RESTARTS), place.client
    made = [client.created(f"before-{number}") for number in range(5)]
    client.answers.begin()
    with fault(place):
        made += load(client, made, outcome)
    ended = time.monotonic()
    outcome.slowest = dict(client.answers.slowest)
    outcome.statuses = dict(client.answers.statuses)
    outcome.wrong = client.answers.wrong
    if whole_again(place, ended + BACK_SECONDS):
        outcome.back = time.monotonic() - ended
        outcome.lost = sum(client.ask("get", "GET", f"/call/{c['id']}")[0] != 200 for c in made)
    return outcome


def load(client: StoreClient, calls: list[Any], outcome: Outcome) -> list[Any]:
    """Requests at a steady pace, whatever the others wait for. Returns the acknowledged calls."""
    made, threads = list[Any](), list[threading.Thread]()

    def create(number: int) -> None:
        _, call = client.create(f"during-{number}")
        if call is not None:
            made.append(call)

    def begin(work: Callable[..., Any], *arguments: Any) -> None:
        threads.append(threading.Thread(target=work, args=arguments))
        threads[-1].start()

    began = time.monotonic()
    for number in range(int(SECONDS / EVERY_SECONDS)):
        time.sleep(max(0.0, began + number * EVERY_SECONDS - time.monotonic()))
        begin(create, number)
        begin(client.say, calls[number % len(calls)], "ringing")
        begin(client.ask, "healthz", "GET", "/healthz")
        if number == int(SECONDS / EVERY_SECONDS / 2):
            begin(look, client, outcome)
    for thread in threads:
        thread.join()
    return made


def look(client: StoreClient, outcome: Outcome) -> None:
    status, body = 0, b""
    with suppress(Exception):
        answer = client.http.request("GET", client.url + "/readyz")
        status, body = answer.status, answer.data
    said = json.loads(body) if body else {}
    outcome.ready = f"{status} {said.get('database', said.get('message', ''))}"


def whole_again(place: Place, until: float) -> bool:
    """Whether a new call lives: created, its socket opened, ended, reported; and jobs run."""
    number = 0
    while time.monotonic() < until:
        number += 1
        status, call = place.client.create(f"after-{number}")
        if status != 201:
            time.sleep(EVERY_SECONDS)
            continue
        if takes_sound(call) and place.client.said(call, "completed"):
            return is_reported(place, call["id"], until) and jobs_run(place, until)
        time.sleep(EVERY_SECONDS)
    return False


def takes_sound(call: Any) -> bool:
    url = TWILIO.media_url(call["phoneCallProviderDetails"])
    headers = TWILIO.signer.handshake(url)
    try:
        with connect(url, additional_headers=headers, proxy=None, open_timeout=10):
            return True
    except (OSError, WebSocketException, TimeoutError):
        return False


def is_reported(place: Place, call_id: str, until: float) -> bool:
    """Its report needs a timer, a message, and the deliverer."""
    while time.monotonic() < until:
        for request in tuple(place.receiver.requests):
            if b"end-of-call-report" in request.body and call_id.encode() in request.body:
                return True
        time.sleep(0.05)
    return False


def jobs_run(place: Place, until: float) -> bool:
    """No job is overdue on PostgreSQL; those of SQLite share a thread with nothing else."""
    if place.server is None:
        return True
    query = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at < now() - interval '1 second'"
    while time.monotonic() < until:
        with psycopg.connect(place.server.url) as conn:
            found = conn.execute(query).fetchone()
        if found == (0,):
            return True
        time.sleep(0.1)
    return False
