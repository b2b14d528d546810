"""What every use case needs, handed in once by ``create_app``; and how times and ids are written."""

from __future__ import annotations

import uuid
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
from app.store.engine import Store
from app.store.vault import Vault
from app.vendors.common.answer import AskModel, ModelAnswer
from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.common.json_types import JsonObject


class JobQueue(Protocol):
    """The functions of ``jobs/base.py`` that a transaction needs."""

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
        """Have ``handlers[kind]`` called with ``payload`` (JSON) ``delay`` seconds from now."""
        ...

    def cancel(self, conn: Connection, key: str) -> None:
        """Remove the waiting job of this key, if any. A run under way ends as it would have."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer of 2xx; or ``error``, the sentence that says why none was had."""

    body: bytes = b""
    error: str | None = None


AskServer = Callable[[str, str, bytes, JsonObject, float], Reply]
"""URL, message id, body, the server's secrets and the seconds it has; never raises."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """The parts every use case stands on."""

    settings: Settings
    store: Store
    vault: Vault
    providers: Mapping[str, Carrier]
    jobs: JobQueue
    blobs: Blobs
    """Where recordings are kept."""
    reactions: Sequence[Callable[..., None]]
    """Called with every change of a call, in its transaction: a ``Change`` of ``calls/apply.py``."""
    now: Callable[[], datetime] = utc_now
    url_problem: Callable[[str], str | None] = lambda url: None
    """Why a server's or stream's URL may not be called, for bodies that name one; None: it may."""
    addresses: Addresses = lambda url: ()
    """The same at the time of use, by where its name leads: connect to one of these."""
    ask_server: AskServer = lambda *_: Reply(error="this process asks no servers")
    """A question to a client's server; never within a transaction."""
    ask_model: AskModel = lambda *_: ModelAnswer(error="this process asks no models")
    """A question to an assistant's model; never within a transaction."""
    prices: VendorPrices = field(default_factory=vendor_prices.shipped)
    """What vendors take."""
    observe: Observe = unobserved
    """Takes what is measured."""
    media_wakers: list[Callable[[str], None]] = field(default_factory=list)
    """Called with the id of a call whose socket is to close, or whose assistant has a command, so
    that this process need not wait until it looks again."""

    presence: ProcessRegistry = field(init=False)
    """This process among the others of its deployment."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "presence", ProcessRegistry(self.settings))
        object.__setattr__(self, "_accounts", lru_cache(maxsize=256)(self._open_account))

    def account(self, row: JsonObject) -> Account:
        """A credential's row with its secrets in clear. Raises ``WrongKey``, ``NotConfigured``."""
        opened: Account = self._accounts(  # type: ignore[attr-defined]
            row["id"], row["provider"], row["account_ref"], row["secret"]
        )
        return opened

    def _open_account(
        self, credential_id: str, provider: str, ref: str, sealed: bytes | None
    ) -> Account:
        """Keyed by the sealed bytes: a changed secret is another key, so nothing goes stale."""
        plain = self.providers[provider].config.account(ref, self.vault.open(sealed))
        api_url = next((c.api_url for c in self.settings.carriers if c.provider == provider), None)
        return Account(plain.ref, plain.secrets, id=credential_id, api_url=api_url)


def new_id() -> str:
    return str(uuid.uuid4())


def iso(at: datetime | None) -> str | None:
    """``2024-09-10T11:14:12.339Z``, as Vapi writes times."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
