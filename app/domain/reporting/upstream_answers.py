"""The answers to an upstream's questions: a question that is sent again gets the first one's answer.

A message that asks for something runs a tool or a transfer, once. An upstream whose connection broke
sends it again. The message's digest is a row from the beginning; its answer follows, sealed, and goes
with the upstream's report.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.domain.calls import record
from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.reporting import pending
from app.domain.reporting.artifact import UPSTREAM
from app.store import calls
from app.store.vault import WrongKey
from providers.common.json_types import JsonObject

SEALED, ANSWER = "sealed", "answer"
LONG_AGO = datetime.fromtimestamp(0, UTC)
LONGEST = 256 * 1024
"""Characters of an answer that is kept."""

log = logging.getLogger(__name__)


def awaited(upstream_id: str) -> str:
    """The name under which the report waits for an upstream's report."""
    return f"{UPSTREAM}:{upstream_id}"


def is_open(call: Call, upstream_id: str) -> bool:
    """Whether this upstream has not reported."""
    return pending.is_pending(call, awaited(upstream_id))


@dataclass(frozen=True)
class Question:
    """One message. ``raw``: its text, which is sent again as it is."""

    context: Context
    call_id: str
    upstream_id: str
    raw: bytes

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self.call_id.encode() + self.raw).hexdigest()

    def begin(self, conn: Connection) -> bool:
        """Store that it has come. False: it came before."""
        now = self.context.now()
        row = {
            "digest": self._digest,
            "call_id": self.call_id,
            "purpose": UPSTREAM,
            "created_at": now,
            "expires_at": now,
            "used_at": now,
        }
        return calls.use_token(conn, row)

    def look(self) -> tuple[datetime, JsonObject | None]:
        """When it came first, and the answer. None: there is none yet, or it was lost."""
        with self.context.store.read() as conn:
            row = calls.get_token(conn, self._digest)
        if row is None:  # the call was deleted
            return LONG_AGO, None
        try:
            sealed = base64.b64decode((row["data"] or {}).get(SEALED, ""))
            opened = self.context.vault.open(sealed) if sealed else {}
        except WrongKey:
            opened = {}
        return row["created_at"], opened.get(ANSWER)

    def keep(self, answer: JsonObject) -> None:
        """Store the answer until the upstream reports. One that cannot be stored is given anyway."""
        sealed = base64.b64encode(self.context.vault.seal({ANSWER: answer}) or b"").decode()
        if len(sealed) > LONGEST:
            return
        try:
            with self.context.store.write() as conn:
                call = record.get(conn, self.call_id, lock=True)
                if call is not None and is_open(call, self.upstream_id):
                    calls.set_token_data(conn, self._digest, {SEALED: sealed})
        except SQLAlchemyError as error:
            self.context.store.outage.explains(error)
            told = {"callId": self.call_id}
            log.error("call %s: an answer to its upstream was not kept", self.call_id, extra=told)


def forget(conn: Connection, call_id: str) -> None:
    """Delete the answers of a call whose upstream asks no more."""
    calls.clear_token_data(conn, call_id, UPSTREAM)
