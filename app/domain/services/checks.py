"""What this installation does with the fields of an assistant, for the API and the command."""

from __future__ import annotations

import logging

from sqlalchemy.engine import Connection

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import Finding
from app.domain.assistant.installation import Installation, check
from app.domain.assistant.served_fields import Fate
from app.domain.calls import stored_resources
from app.domain.context import Context
from app.domain.errors import NotFound
from app.domain.resources.vendor_accounts import accounts_for_call
from providers.common.json_types import JsonObject

log = logging.getLogger(__name__)


class CheckService:
    """The checks of one organisation's assistants. They change nothing."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def stored(self, org_id: str, id: str) -> list[Finding]:
        """Of a stored assistant. Raises ``NotFound``."""
        with self.context.store.read() as conn:
            found = stored_resources.stored_assistant(self.context, conn, org_id, id)
            if found is None:
                raise NotFound("Assistant", id)
            return self._check(conn, org_id, found)

    def given(self, org_id: str, body: JsonObject) -> list[Finding]:
        """Of the body of a call: its assistant and its overrides, which a stored one may have.

        What has no effect is listed for the body's own fields, and not again for the stored ones.
        """
        overrides = body.get("assistantOverrides")
        own = {*(body.get("assistant") or {}), *(overrides or {})}
        with self.context.store.read() as conn:
            assistant = AssistantConfig(body.get("assistant") or {})
            if id := body.get("assistantId"):
                stored = stored_resources.stored_assistant(self.context, conn, org_id, id)
                assistant = stored or assistant
            found = self._check(conn, org_id, assistant.with_overrides(overrides))
        return [
            each
            for each in found
            if each.fate is not Fate.IGNORED or each.path.partition(".")[0] in own
        ]

    def within(self, conn: Connection, org_id: str, assistant: AssistantConfig) -> list[Finding]:
        """Of an assistant that is about to be stored in this transaction."""
        return self._check(conn, org_id, assistant)

    def _check(self, conn: Connection, org_id: str, assistant: AssistantConfig) -> list[Finding]:
        accounts = accounts_for_call(self.context, conn, org_id, assistant)
        return check(assistant, Installation(self.context.settings, accounts))
