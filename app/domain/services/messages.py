"""The use cases of server messages: of a call, and across the calls of an organisation."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.calls import record
from app.domain.context import Context
from app.domain.errors import NotFound
from app.domain.reporting import message_text
from app.domain.reporting.message_json import (
    attempt_json,
    message_json,
    next_attempts,
)
from app.domain.reporting.server_messages import wake_delivery
from app.store import message_lists, messages
from app.store.again import one_transaction
from app.store.messages import FAILED
from app.store.resources import Window
from providers.common.json_types import JsonDict

Listing = list[JsonDict]


class MessageService:
    """Every look-up is within one organisation."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def of_call(self, org_id: str, call_id: str, message_id: str | None = None) -> Listing:
        """A call's messages in the order they are sent, or only this one.

        Each has its body and all attempts.
        """
        with self.context.store.read() as conn:
            call = record.get(conn, call_id)
            if call is None or call.org_id != org_id:
                raise NotFound("Call", call_id)
            rows = messages.list_for_call(conn, org_id, call_id)
            following = next_attempts(rows, self.context.now())
            return [
                {
                    **message_json(row, following.get(row["id"])),
                    "body": message_text.body(self.context, call, row),
                    "attempts": [*map(attempt_json, messages.attempts(conn, row["id"]))],
                }
                for row in rows
                if message_id in (None, row["id"])
            ]

    def resend(self, org_id: str, call_id: str, message_id: str) -> JsonDict:
        """Send a message again, whether it was delivered or failed, before those that wait."""
        if self.of_call(org_id, call_id, message_id):
            self._resend(org_id, call_id, [message_id], failed_only=False)
        for shown in self.of_call(org_id, call_id, message_id):
            return shown
        raise NotFound("Message", message_id)

    def listing(self, org_id: str, state: str, window: Window) -> Listing:
        """The messages of all calls in this state, newest first, each with its last attempt."""
        with self.context.store.read() as conn:
            rows = message_lists.listing(conn, org_id, state, window)
            tried = message_lists.last_attempts(conn, [row["id"] for row in rows])
            waiting = message_lists.pending_of(conn, {row["call_id"] for row in rows})
        following = next_attempts(waiting, self.context.now())
        return [
            {
                **message_json(row, following.get(row["id"])),
                "callId": row["call_id"],
                "lastAttempt": attempt_json(tried[row["id"]]) if row["id"] in tried else None,
            }
            for row in rows
        ]

    def failed(self, org_id: str, most: int) -> Listing:
        """The newest failed messages of all calls, as a page lists them."""
        return self.listing(org_id, FAILED, Window(most))

    def resend_oldest(self, org_id: str, most: int) -> JsonDict:
        """Send so many of the failed messages again."""
        return self.resend_failed(org_id, Window(most))

    def resend_failed(self, org_id: str, window: Window) -> JsonDict:
        """Send the failed messages again, the oldest first, at most ``window.limit``.

        Each call has a transaction of its own, so that no call waits for the others.
        """
        more = Window(window.limit + 1, window.times)
        with self.context.store.read() as conn:
            found = message_lists.listing(conn, org_id, FAILED, more, oldest_first=True)
        chosen = dict[str, list[str]]()
        for row in found[: window.limit]:
            chosen.setdefault(row["call_id"], []).append(row["id"])
        resent = sum(
            self._resend(org_id, call_id, ids, failed_only=True) for call_id, ids in chosen.items()
        )
        return {"resent": resent, "remaining": len(found) > window.limit}

    def resend_failed_of(self, org_id: str, call_id: str) -> int:
        """Send the failed messages of one call again. Returns their number."""
        failed = [each["id"] for each in self.of_call(org_id, call_id) if each["state"] == FAILED]
        return self._resend(org_id, call_id, failed, failed_only=True)

    @one_transaction
    def _resend(
        self, org_id: str, call_id: str, message_ids: Sequence[str], *, failed_only: bool
    ) -> int:
        with self.context.store.write() as conn:
            call = record.get(conn, call_id, lock=True)  # its messages keep their order
            if call is None or call.org_id != org_id:
                return 0  # deleted since it was read
            now = self.context.now()
            number = message_lists.resend(
                conn, call_id, message_ids, at=now, failed_only=failed_only
            )
            wake_delivery(self.context, conn)
            return number
