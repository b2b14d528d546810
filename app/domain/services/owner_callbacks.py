"""The owner's callbacks after their arrival: bound to their calls late, and forgotten at last."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError

from app.domain.context import Context
from app.domain.legs import owner_callbacks
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.services.webhooks import LegService
from app.store import accounts, calls
from app.store import owner_callbacks as store
from app.store.vault import WrongKey
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.errors import ProviderError

SWEEP = "sweep-owner-callbacks"
"""Kind of the job."""
UNBOUND = timedelta(hours=1)
"""For so long a request waits for its call: a flow may keep a leg before it lends it."""
MOST_UNBOUND = 100_000
"""Requests of one organisation that wait for a call. The oldest make room for newer ones."""
SWEEP_SECONDS = 120.0
PAUSE_SECONDS = 0.1
STEP = 500
"""Rows of one transaction."""

log = logging.getLogger(__name__)


class OwnerCallbackService:
    """The jobs about stored callbacks."""

    def __init__(self, context: Context, legs: LegService) -> None:
        self.context = context
        self.legs = legs

    def bind(self, payload: Mapping[str, str]) -> float | None:
        """Handler of the job ``late_binding.BIND``: read the lane's requests once more.

        Those whose leg is still of no call stay as they are. Most legs are never lent, so the look
        at them is a read only.
        """
        with self.context.store.read() as conn:
            rows = store.unbound(conn, payload["lane"], STEP)
            signers = [_signers(conn, row) for row in rows]
            if not any(_has_call(conn, *each) for each in zip(rows, signers, strict=True)):
                return None
        for row, signed_by in zip(rows, signers, strict=True):
            webhook = self._read(row, signed_by)
            if webhook is None:
                continue
            try:
                self.legs.handle(webhook)
            except (ProviderError, DataError) as error:
                log.warning("an owner's callback cannot be bound to its call: %s", error)
        return None

    def _read(self, row: JsonObject, signers: Sequence[JsonObject]) -> VerifiedWebhook | None:
        """The stored request, once more. None: its account is deleted, or it cannot be read."""
        if not signers:
            return None
        try:
            carrier = self.context.providers[row["provider"]]
            request = owner_callbacks.request_of(self.context, row)
            carrier.signature.claimed_account(request)  # takes apart the token an event names
            report = carrier.webhooks.parse(HookKind.STATUS, request)
        except (ProviderError, WrongKey) as error:
            log.warning("an owner's callback cannot be bound to its call: %s", error)
            return None
        except Exception:  # one row must not hold up those behind it
            log.exception("what a carrier sent cannot be bound to its call")
            return None
        report = replace(report, asks=False)  # the carrier waits for an answer no more
        return VerifiedWebhook(
            carrier, HookKind.STATUS, report, signers, owners=request, is_late=True
        )

    def schedule_sweep(self) -> None:
        """Queue the first sweep."""
        with self.context.store.write() as conn:
            self.context.jobs.enqueue(conn, SWEEP, SWEEP, {})

    def sweep(self, payload: Mapping[str, object]) -> float | None:
        """Handler of the job ``SWEEP``: delete what waits for nothing any more, in one step."""
        now, days = self.context.now(), self._days()
        with self.context.store.read() as conn:
            ids = store.old(conn, now - UNBOUND, STEP, is_unbound=True)
            ids = ids or store.excess(conn, MOST_UNBOUND, STEP)
            if days:
                ids += store.old(conn, now - timedelta(days=days), STEP, is_unbound=False)
        if not ids:
            return SWEEP_SECONDS
        with self.context.store.write() as conn:
            store.delete(conn, ids)
        return PAUSE_SECONDS

    def _days(self) -> float:
        """How long they are kept: as texts of server messages, and no longer than calls."""
        settings = self.context.settings
        limits = (settings.message_retention_days, settings.call_retention_days)
        return min((days for days in limits if days), default=0.0)


def _signers(conn: Connection, row: JsonObject) -> list[JsonObject]:
    """The accounts that have signed it, apart from those that are deleted meanwhile."""
    found = (accounts.get_credential(conn, id) for id in row["signers"])
    return [each for each in found if each is not None]


def _has_call(conn: Connection, row: JsonObject, signers: Sequence[JsonObject]) -> bool:
    """Whether its leg or conversation has led to a call of one of these accounts' organisations."""
    orgs = {each["org_id"] for each in signers}
    refs = {ref for ref in (row["leg_ref"], row["call_ref"]) if ref}
    return any(calls.find_by_ref(conn, row["provider"], ref, orgs) for ref in refs)
