"""The check of an assistant by what its organisation has: vendors' accounts, other assistants."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.assistant import squad
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import Finding
from app.domain.assistant.installation import Installation, check
from app.domain.context import Context
from app.domain.resources import stored
from app.domain.resources.vendor_accounts import accounts_for_call
from app.vendors.common.account import VendorAccounts


def findings(
    context: Context,
    conn: Connection,
    org_id: str,
    assistant: AssistantConfig,
    accounts: VendorAccounts | None = None,
) -> list[Finding]:
    """What becomes of each field. ``accounts``: its vendors', where they are known."""
    if accounts is None:
        accounts = accounts_for_call(context, conn, org_id, assistant)
    plain = {name: each for name, each in assistant.json.items() if name != squad.DESTINATIONS}
    found = check(AssistantConfig(plain), Installation(context.settings, accounts))
    return [*found, *squad.check_alone(plain, stored.finder(context, conn, org_id))]
