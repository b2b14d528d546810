"""Verify a webhook: find the accounts whose secret signed it, or refuse it.

An account without a stored secret verifies no webhook.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from app.domain.calls import tokens, web_calls
from app.domain.calls.record import Call
from app.domain.context import Context
from app.store import accounts
from app.store.vault import WrongKey
from providers.base.carrier import Carrier
from providers.base.webhook import WebhookRequest
from providers.common.json_types import JsonObject
from providers.errors import InvalidSignature, NoSecret, NotConfigured, Refused

log = logging.getLogger(__name__)


def verify(
    context: Context, carrier: Carrier, request: WebhookRequest, token: str | None
) -> list[JsonObject]:
    """The rows of the credentials whose account signed the webhook. Raises ``Refused``.

    The use case checks that the call belongs to one of them (``belongs``).
    """
    if not carrier.phone:
        return _of_token(context, carrier, token)
    claimed = carrier.signature.claimed_account(request)
    with context.store.read() as conn:
        rows = (
            accounts.credentials_of_account(conn, carrier.name, claimed)
            if claimed is not None
            else _accounts_of_call(context, conn, carrier, token)
        )
    refusal: Refused = NoSecret(f"no account {claimed!r} is known here")
    verified = []
    for row in rows:
        try:
            carrier.signature.verify(request, context.account(row))
            verified.append(row)
        except Refused as error:
            refusal = error
        except (WrongKey, NotConfigured) as error:  # other organisations' accounts still count
            log.error(
                "credential %s cannot be used: %s",
                row["id"],
                error,
                extra={"credentialId": row["id"]},
            )
    if not verified:
        raise refusal
    return verified


def _of_token(context: Context, carrier: Carrier, token: str | None) -> list[JsonObject]:
    """In place of an account: whose call the token in the URL proves. Raises ``Refused``."""
    with context.store.read() as conn:
        call = tokens.find_call(context.vault, conn, token) if token else None
    if call is None or call.provider != carrier.name:
        raise InvalidSignature("the token is of no call here")
    return [{**web_calls.ACCOUNT, "org_id": call.org_id}]


def belongs(call: Call, carrier: Carrier, signers: Sequence[JsonObject]) -> bool:
    """Whether the call is of this carrier and of one of these accounts."""
    signed = {(account["org_id"], account["account_ref"]) for account in signers}
    return call.provider == carrier.name and (call.org_id, call.facts.account_ref) in signed


def _accounts_of_call(
    context: Context, conn: Connection, carrier: Carrier, token: str | None
) -> Sequence[JsonObject]:
    """The accounts of a request that names none: those of the call in its URL."""
    call = tokens.find_call(context.vault, conn, token) if token else None
    if call is None or call.facts.account_ref is None:
        return []
    rows = accounts.credentials_of_account(conn, carrier.name, call.facts.account_ref)
    return [row for row in rows if row["org_id"] == call.org_id]
