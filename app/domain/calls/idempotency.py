"""``Idempotency-Key``: one key creates one call, even if several requests have it at once.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

The key is stored in the transaction that creates the call, so a refused request stores none.
Of several requests at once one creates the call, and the others get its response.
The response is stored sealed, because it has the call's tokens.
The key is deleted with its call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.errors import Conflict
from app.store import idempotency
from app.store.vault import digest
from providers.common.json_types import JsonDict, JsonObject

KEPT = timedelta(hours=24)
JOB = "forget-keys"

Answer = JsonDict


class LostRace(Exception):
    """Another request with the same key came first; this request's transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with an idempotency key."""

    context: Context
    org_id: str
    key: str
    body: JsonObject

    def make(self, make: Callable[[], Answer]) -> Answer:
        """The response stored for the key, else that of ``make()``. Raises ``Conflict``.

        ``make`` must call ``save``.
        """
        try:
            return self._stored() or make()
        except LostRace:
            return self._stored() or make()

    def save(self, conn: Connection, answer: Answer) -> None:
        """Store the response at the end of the call's first transaction. Raises ``LostRace``."""
        row = {
            "org_id": self.org_id,
            "digest": digest(self.key),
            "call_id": answer["id"],
            "fingerprint": _fingerprint(self.body),
            "secret": self.context.vault.seal(answer),
            "created_at": self.context.now(),
        }
        if not idempotency.keep(conn, row):
            raise LostRace
        self.context.jobs.enqueue(conn, JOB, JOB, {}, delay=KEPT.total_seconds())

    def check(self) -> None:
        """Raises ``Conflict`` if the key was used with another body."""
        self._stored()

    def _stored(self) -> Answer | None:
        with self.context.store.read() as conn:
            row = idempotency.find(conn, self.org_id, digest(self.key))
        if row is None:
            return None
        if row["fingerprint"] != _fingerprint(self.body):
            raise Conflict(
                f"Idempotency-Key {self.key!r} was used with another body: "
                f"it made call {row['call_id']}"
            )
        return self.context.vault.open(row["secret"])


def forget(context: Context, payload: Mapping[str, object]) -> float | None:
    """Handler of the job: delete the expired keys.

    Returns the seconds until the next key expires; None when no key is left.
    """
    with context.store.write() as conn:
        oldest = idempotency.forget(conn, context.now() - KEPT)
    return max(1.0, (oldest + KEPT - context.now()).total_seconds()) if oldest else None


def _fingerprint(body: JsonObject) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
