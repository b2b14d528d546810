"""The check of an assistant by what its organisation has: vendors' accounts, other assistants."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from app.domain.assistant import squad
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import Finding
from app.domain.assistant.fields import text_of, texts_of
from app.domain.assistant.installation import Installation, check
from app.domain.assistant.served_fields import Fate
from app.domain.context import Context
from app.domain.ids import parse_uuid
from app.domain.resources import stored
from app.domain.resources.vendor_accounts import accounts_for_call, own_accounts
from app.store.accounts import get_credential
from app.store.resources import get_kept
from app.store.schema import structured_outputs
from app.vendors import registry
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
    return [
        *found,
        *squad.check_alone(plain, stored.finder(context, conn, org_id)),
        *_missing(conn, org_id, assistant),
        *_unusable(assistant),
    ]


def _missing(conn: Connection, org_id: str, assistant: AssistantConfig) -> Iterator[Finding]:
    """The ids that name nothing of this organisation. A call goes on without them."""
    for number, id in enumerate(texts_of(assistant.json, "credentialIds")):
        row = get_credential(conn, parse_uuid(id))
        if row is None or row["org_id"] != org_id:
            why = f"credential {id[:40]} does not exist"
            yield Finding(f"credentialIds.{number}", Fate.IGNORED, why, wrong=True)
    for number, id in enumerate(assistant.structured_outputs.ids):
        known = parse_uuid(id)
        if known is None or get_kept(conn, structured_outputs, org_id, known) is None:
            path = f"artifactPlan.structuredOutputIds.{number}"
            yield Finding(path, Fate.IGNORED, f"{id[:40]} does not exist", wrong=True)


def _unusable(assistant: AssistantConfig) -> Iterator[Finding]:
    """The assistant's own accounts that no call can use."""
    for number, each in enumerate(assistant.credentials):
        vendor = text_of(each, "provider")
        if vendor not in registry.with_account():
            why = f"no vendor with an account is named {vendor[:40]!r}"
            yield Finding(f"credentials.{number}.provider", Fate.IGNORED, why, wrong=True)
        elif vendor not in own_accounts(AssistantConfig({"credentials": [each]})):
            key = registry.VENDORS[vendor].credential.key
            why = "is missing, or the account's address is no text: it is not used"
            yield Finding(f"credentials.{number}.{key}", Fate.IGNORED, why, wrong=True)
