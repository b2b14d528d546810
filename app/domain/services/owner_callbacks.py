"""The owner's callbacks after their arrival: bound to their calls late, and forgotten at last."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from app.domain.context import Context
from app.domain.legs import owner_callbacks
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.services.webhooks import LegService
from app.store import accounts
from app.store import owner_callbacks as store
from app.store.vault import WrongKey
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.errors import ProviderError

SWEEP = "sweep-owner-callbacks"
"""Kind of the job."""
UNBOUND = timedelta(hours=1)
"""For so long a request waits for its call: a flow may keep a leg before it lends it."""
SWEEP_SECONDS = 600.0
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

        Those whose leg is still of no call stay as they are.
        """
        with self.context.store.read() as conn:
            rows = store.unbound(conn, payload["lane"], STEP)
        for row in rows:
            try:
                self._bind(row)
            except (ProviderError, WrongKey) as error:
                log.warning("an owner's callback cannot be bound to its call: %s", error)
        return None

    def _bind(self, row: JsonObject) -> None:
        carrier = self.context.providers[row["provider"]]
        request = owner_callbacks.request_of(self.context, row)
        with self.context.store.read() as conn:
            found = [accounts.get_credential(conn, id) for id in row["signers"]]
        signers = [each for each in found if each is not None]
        if not signers:  # the account was deleted meanwhile
            return
        carrier.signature.claimed_account(request)  # takes its token apart, which an event names
        report = carrier.webhooks.parse(HookKind.STATUS, request)
        self.legs.handle(
            VerifiedWebhook(carrier, HookKind.STATUS, report, signers, owners=request, is_late=True)
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
