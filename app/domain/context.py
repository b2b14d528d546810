"""The ``Context`` that ``create_app`` gives to every use case; the format of times."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from sqlalchemy.engine import Connection

from app.domain.cluster import ProcessRegistry
from app.domain.costs import vendor_prices
from app.domain.costs.vendor_prices import VendorPrices
from app.domain.timings import Observe, unobserved
from app.net.types import Addresses
from app.settings import Settings
from app.store.blobs import Blobs
from app.store.clock import utc_now
from app.store.engine import Store
from app.store.vault import Vault
from app.vendors.common.answer import AskModel, ModelAnswer, NoUpstream, UpstreamCalls
from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.common.json_types import JsonObject


class JobQueue(Protocol):
    """The job functions (``jobs/base.py``) that a transaction needs."""

    def enqueue(
        self,
        conn: Connection,
        kind: str,
        key: str,
        payload: JsonObject,
        *,
        delay: float = 0.0,
        lock: str | None = None,
    ) -> None:
        """Queue a job: ``handlers[kind]`` gets ``payload`` (JSON) ``delay`` seconds from now."""
        ...

    def cancel(self, conn: Connection, key: str) -> None:
        """Remove the waiting job of this key, if any. A job that already runs is not stopped."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's 2xx answer, or ``error``: a sentence that says what failed.

    An answer of 400 or more has both.
    """

    body: bytes = b""
    error: str | None = None
    status: int | None = field(default=None, compare=False)
    """The last answer's; None: there is none."""


AskServer = Callable[[str, str, bytes, JsonObject, float], Reply]
"""Takes URL, message id, body, the server's secrets and a timeout in seconds. Never raises."""


@dataclass(frozen=True)
class Context:
    """The parts that every use case needs."""

    settings: Settings
    store: Store
    vault: Vault
    providers: Mapping[str, Carrier]
    jobs: JobQueue
    blobs: Blobs
    """The store of recordings."""
    reactions: Sequence[Callable[..., None]]
    """Called with each ``Change`` of a call (``calls/apply.py``), in its transaction."""
    now: Callable[[], datetime] = utc_now
    url_problem: Callable[[str], str | None] = lambda url: None
    """Why a body's server or stream URL may not be called; None: it may."""
    addresses: Addresses = lambda url: ()
    """The same at the time of use, by where its name leads: connect to one of these."""
    ask_server: AskServer = lambda *_: Reply(error="this process asks no servers")
    """Asks a client's server; never within a transaction."""
    ask_model: AskModel = lambda *_: ModelAnswer(error="this process asks no models")
    """Asks an assistant's model; never within a transaction."""
    upstream: UpstreamCalls = field(default_factory=NoUpstream)
    """Makes and reads the calls of an upstream; never within a transaction."""
    prices: VendorPrices = field(default_factory=vendor_prices.shipped)
    """The vendors' prices."""
    observe: Observe = unobserved
    """Takes the measured spans."""
    event_dropped: Callable[[], None] = lambda: None
    """Counts an event that a call's full log did not take."""
    count_refused_dial: Callable[[str], None] = lambda reason: None
    """Counts a number that was not dialled, by the reason's word."""
    media_wakers: list[Callable[[str], None]] = field(default_factory=list)
    """Wakes the media hub for a call whose socket must close or whose assistant has a command.
    Without it the hub notices at its next poll."""
    message_queued: threading.Event = field(default_factory=threading.Event)
    """Set after a commit that queued a server message; wakes this process's dispatcher."""

    timer_wakers: list[Callable[[datetime], None]] = field(default_factory=list)
    """Gets the time of the next timer of a call, after the commit that sets it."""

    presence: ProcessRegistry = field(init=False)
    """This process and the other processes of its deployment."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "presence", ProcessRegistry(self.settings))
        object.__setattr__(self, "_accounts", lru_cache(maxsize=256)(self._open_account))

    def account(self, row: JsonObject) -> Account:
        """A credential's row with its decrypted secrets. Raises ``WrongKey``, ``NotConfigured``."""
        opened: Account = self._accounts(  # type: ignore[attr-defined]
            row["id"], row["provider"], row["account_ref"], row["secret"]
        )
        return opened

    def _open_account(
        self, credential_id: str, provider: str, ref: str, sealed: bytes | None
    ) -> Account:
        """Cached by the encrypted bytes: a changed secret is another key, so nothing goes stale."""
        plain = self.providers[provider].config.account(ref, self.vault.open(sealed))
        api_url = next((c.api_url for c in self.settings.carriers if c.provider == provider), None)
        return Account(plain.ref, plain.secrets, id=credential_id, api_url=api_url)


def iso(at: datetime | None) -> str | None:
    """``2024-09-10T11:14:12.339Z``, as Vapi writes times."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
