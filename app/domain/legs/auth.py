"""Verify a webhook: find the accounts whose secret signed it, or refuse it.

An account without a stored secret verifies no webhook.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from app.domain.calls import tokens
from app.domain.context import Context
from app.store import accounts
from app.store.vault import WrongKey
from providers.base.carrier import Carrier
from providers.base.webhook import WebhookRequest
from providers.common.json_types import JsonObject
from providers.errors import NoSecret, NotConfigured, Refused

log = logging.getLogger(__name__)


def verify(
    context: Context, carrier: Carrier, request: WebhookRequest, token: str | None
) -> list[JsonObject]:
    """The rows of the credentials whose account signed the webhook. Raises ``Refused``.

    With a call's token in the path, only accounts of that call's organisation count.
    """
    claimed = carrier.signature.claimed_account(request)
    with context.store.read() as conn:
        rows = _candidates(context, conn, carrier, claimed, token)
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


def _candidates(
    context: Context, conn: Connection, carrier: Carrier, claimed: str | None, token: str | None
) -> Sequence[JsonObject]:
    call = tokens.find_call(context.vault, conn, token) if token else None
    if call is None:
        return accounts.credentials_of_account(conn, carrier.name, claimed) if claimed else []
    ref = call.facts.account_ref
    if ref is None or claimed not in (None, ref):
        return []
    rows = accounts.credentials_of_account(conn, carrier.name, ref)
    return [row for row in rows if row["org_id"] == call.org_id]
