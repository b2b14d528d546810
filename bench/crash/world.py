"""One trial: a bridge with a fail-point, a database, a carrier, a client's server, and a journal."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import urllib3

from app.store.engine import Store
from app.store.schema import jobs, messages, processes
from providers.registry import SIMULATORS
from providers.simulation.config import own_port
from providers.simulation.stage import Callee, Stage
from tests.databases import fresh_database
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.client_server import Receiver, Reply
from tests.spawner import WarmBridge

PATIENCE = 30.0
"""Seconds until a call that is not over counts as stuck."""
LOOK_SECONDS = 0.02
SPEED = 0.05
"""Of the simulated phones' pauses."""
SETTINGS = {
    "RECONCILE_SECONDS": "1",
    "SETTLE_SECONDS": "0.2",
    "JOIN_TIMEOUT_SECONDS": "15",
    "BYPASS_TTL_SECONDS": "600",
    "PRICE_SECONDS": "0",
    "RATE_LIMIT_PER_MINUTE": "0",
    "ARTIFACT_WAIT_SECONDS": "0",
}
ASSISTANT = Reply(body=b'{"assistant": {"transport": {"provider": "echo"}}}')
"""What the client's server answers: a message needs nothing, an assistant request this."""

T = TypeVar("T")

_databases = threading.Lock()


class GaveUp(Exception):
    """Something that must happen did not."""


class NotServedError(Exception):
    """The bridge answered 5xx: it is asked again, as its clients do."""


@dataclass
class Journal:
    """What the bridge has acknowledged."""

    calls: dict[str, str] = field(default_factory=dict)
    """Idempotency key -> the call's id."""
    webhooks: set[tuple[str, str]] = field(default_factory=set)
    """(call, word) of a carrier's callbacks."""


@dataclass
class World:
    """``bridge`` may be down at any time; ``insist`` asks until it answers."""

    bridge: WarmBridge
    receiver: Receiver
    stage: Stage
    carrier: CarrierFake
    journal: Journal = field(default_factory=Journal)
    is_up_again: threading.Event = field(default_factory=threading.Event)

    def insist(self, ask: Callable[[], T]) -> T:
        """Ask as often as there is no answer. Raises ``GaveUp``."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except (urllib3.exceptions.HTTPError, NotServedError) as error:
                if time.monotonic() > until:
                    raise GaveUp(f"no answer: {error}") from error
            time.sleep(LOOK_SECONDS)

    def api(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """One request of the API, until it is answered."""

        def ask() -> Any:
            headers = {"Idempotency-Key": key} if key else None
            status, answer = self.bridge.ask(method, path, body, headers)
            if status >= 500:
                raise NotServedError(status)
            return answer

        return self.insist(ask)

    def until(self, look: Callable[[], T], enough: Callable[[T], bool], what: str) -> T:
        """Look until it is enough. Raises ``GaveUp``."""
        until = time.monotonic() + PATIENCE
        while not enough(seen := look()):
            if time.monotonic() > until:
                raise GaveUp(f"{what}: still {str(seen)[:300]}")
            time.sleep(LOOK_SECONDS)
        return seen

    @property
    def legs(self) -> Sequence[Any]:
        """The phones that the carrier has rung for us."""
        stage: Any = self.stage
        if hasattr(stage, "calls"):
            return list(stage.calls.values())
        return [leg for leg in list(stage.legs.values()) if leg.call is not None]

    def wait_killed(self, point: str, seconds: float) -> bool:
        """Whether the bridge died at this fail-point in time."""
        word = f"FAILPOINT {point}:kill\n".encode()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if word in self.bridge.log.read_bytes():
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def restart(self) -> None:
        """Kill what is left of the bridge. Start it without the fail-point half a minute later."""
        self.bridge.kill()
        del self.bridge.environ["FAILPOINT"]
        skip_leases(self.bridge.environ["DATABASE_URL"])
        self.bridge.start()
        self.is_up_again.set()


def skip_leases(url: str) -> None:
    """Let half a minute pass: the killed process counts as dead, and its leases are over."""
    store = Store(url)
    with store.write() as conn:
        conn.execute(messages.update().values(leased_until=None))
        conn.execute(processes.update().values(seen_at=datetime.now(UTC) - timedelta(minutes=1)))
        if store.is_sqlite:
            held = jobs.c.leased_until.is_not(None)
            conn.execute(jobs.update().where(held).values(leased_until=jobs.c.due))
        else:
            workers = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
            conn.execute(sa.text(workers))
    store.close()


@contextmanager
def world(carrier: str, callee: Callee, failpoint: str, **environ: str) -> Iterator[World]:
    """A new world, whose bridge is up with this fail-point; all gone at the end."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-")))
        url = stack.enter_context(_database(directory))
        receiver = stack.enter_context(Receiver(reply=ASSISTANT))
        own = {"FAILPOINT": failpoint, "SERVER_URL": receiver.url, **SETTINGS, **environ}
        bridge = WarmBridge(url, directory, **own)
        stage = stack.enter_context(_stage(carrier, bridge, callee))
        made = World(bridge, receiver, stage, FAKES[carrier])
        stack.callback(_end, made)
        bridge.start()
        yield made


@contextmanager
def _database(directory: Path) -> Iterator[str]:
    opened = fresh_database(directory)
    with _databases:
        url = opened.__enter__()
    try:
        yield url
    finally:
        with _databases:
            opened.__exit__(None, None, None)


def _stage(
    carrier: str, bridge: WarmBridge, callee: Callee
) -> contextlib.AbstractContextManager[Stage]:
    simulator: Any = import_module(SIMULATORS[carrier])
    config = replace(simulator.config_from_environment(bridge.environ), speed=SPEED, timeout=10.0)
    port = own_port(bridge.environ[f"{carrier.upper()}_API_URL"])
    served: contextlib.AbstractContextManager[Stage] = simulator.serve_api(
        config, port=port, callee=callee, out=lambda line: None
    )
    return served


def _end(made: World) -> None:
    if made.bridge.process is not None and made.bridge.process.poll() is None:
        made.bridge.kill()
    for leg in made.legs:
        leg.over.set()
    made.bridge.http.clear()
