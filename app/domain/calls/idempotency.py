"""``Idempotency-Key``: one key makes one call, however often and however concurrently it is sent.

The key is kept in the transaction that makes the call, so what was refused is not kept, and of
several at once one makes the call and the others get its answer. Its answer is kept sealed: it
holds the call's tokens. Deleting the call forgets the key.
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
    """Another request with the same key was faster; this one's transaction is undone."""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A key and what came with it."""

    context: Context
    org_id: str
    key: str
    body: JsonObject

    def make(self, make: Callable[[], Answer]) -> Answer:
        """The answer kept for the key; else ``make()``, which keeps it. Raises ``Conflict``."""
        try:
            return self._stored() or make()
        except LostRace:
            return self._stored() or make()

    def save(self, conn: Connection, answer: Answer) -> None:
        """In the transaction that makes the call, last of all. Raises ``LostRace``."""
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
    """Handler of the job: remove keys of their age. Seconds until the next are; None: no key is left."""
    with context.store.write() as conn:
        oldest = idempotency.forget(conn, context.now() - KEPT)
    return max(1.0, (oldest + KEPT - context.now()).total_seconds()) if oldest else None


def _fingerprint(body: JsonObject) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
