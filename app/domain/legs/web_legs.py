"""A SIP call to ``sip:CALLID@domain``: it joins this web call, in the place of a browser.

From then on the call has a phone leg, and the carrier's rules hold for it.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.calls import record, web_calls
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs.inbound import VerifiedWebhook
from providers.base.webhook import Leg
from providers.common.e164 import E164
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus


def find(context: Context, conn: Connection, webhook: VerifiedWebhook) -> Call | None:
    """The web call that an arriving leg names, locked; None if it names none that may be joined.

    A call without a customer so far becomes the leg's. Another one keeps its provider.
    """
    leg = webhook.report.leg
    call_id = web_calls.called(leg.to) if leg is not None else None
    if leg is None or call_id is None:
        return None
    call = record.get(conn, call_id, lock=True)
    if call is None or call.type != web_calls.WEB_CALL or not call.body.get("sipEnabled"):
        return None
    signer = next((row for row in webhook.accounts if row["org_id"] == call.org_id), None)
    if signer is None:
        return None
    if call.status is CallStatus.QUEUED and call.provider == web_calls.NAME:
        _adopt(CallTx(context, conn, call), leg, webhook.provider.name, signer)
    return call


def _adopt(tx: CallTx, leg: Leg, provider: str, account: JsonObject) -> None:
    customer = {**tx.call.facts.customer, **_customer(leg)}
    facts = tx.call.facts._replace(account_ref=account["account_ref"], customer=customer)
    body = {**tx.call.body, "customer": customer} if customer else tx.call.body
    tx.update(provider=provider, credential_id=account["id"], facts=facts, body=body)


def _customer(leg: Leg) -> JsonDict:
    theirs = leg.from_ or ""
    if E164.fullmatch(theirs):
        return {"number": theirs}
    return {"sipUri": theirs} if theirs.startswith(("sip:", "sips:")) else {}
