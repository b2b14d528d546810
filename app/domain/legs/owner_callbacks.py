"""The callbacks of the flow's owner: what a carrier sends to our URL without a token.

A carrier's console has one such URL for a number or an application. So each request is stored for
the owner's own server, as it came, in the transaction that stores its events. Jobs pass it on
(``app/delivery/owner_callbacks.py``). One that comes before its leg's call is known waits for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from sqlalchemy.engine import Connection

from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.legs import late_binding
from app.domain.legs.inbound import VerifiedWebhook
from app.store import accounts, owner_callbacks
from app.store.messages import receiver_of
from app.store.resources import get_kept
from app.store.schema import phone_numbers
from providers.base.rest import PROBE_AGENT
from providers.base.webhook import Leg, WebhookRequest
from providers.common.json_types import JsonDict, JsonObject

PASS_ON = "pass-on-owner-callbacks"  # noqa: S105
"""Kind of the job."""
FIELD = "ownerCallbackUrl"
"""The field of a phone number."""
AGENT = "Patchbay"
"""``User-Agent`` of what is passed on. It is not passed on again, so that no circle goes on."""
SECOND_LOOK_SECONDS = 5.0
"""After a request without a call: its leg may have got one in a transaction beside this one."""


def keep(context: Context, conn: Connection, webhook: VerifiedWebhook, call: Call | None) -> None:
    """Store the request for its owner, and for its call if that is not known yet.

    A repetition by the carrier is stored once: it has the key of the same event.
    """
    request, leg = webhook.owners, webhook.report.leg
    if request is None or request.header("user-agent") == PROBE_AGENT:
        return
    key = _key(webhook, request)
    lane = _lane(webhook, leg.call_ref if leg else key)
    if webhook.is_late:
        if call is not None:
            owner_callbacks.bind(conn, lane, key, call.id)
        return
    org_id, url = _owner(conn, webhook, call, lane)
    if request.header("user-agent") == AGENT:
        url = None
    if url is None and (call is not None or leg is None):
        return
    found = {"org_id": org_id, "lane": lane, "key": key, "call_id": call and call.id}
    values = {**found, **_columns(context, webhook, request), **_due(context, url)}
    if not owner_callbacks.insert(conn, values):
        return
    if call is None and leg is not None:
        late_binding.enqueue(context, conn, lane, SECOND_LOOK_SECONDS)
    if url is not None:
        _enqueue(context, conn, receiver_of(url))


def _enqueue(context: Context, conn: Connection, receiver: str) -> None:
    """Queue the job of one receiver. All its lanes share it, so that it never has many workers."""
    key = f"{PASS_ON}:{_digest(receiver)}"
    context.jobs.enqueue(conn, PASS_ON, key, {"receiver": receiver})


def _columns(context: Context, webhook: VerifiedWebhook, request: WebhookRequest) -> JsonDict:
    """What the row has of the request itself."""
    leg = webhook.report.leg
    return {
        "provider": webhook.provider.name,
        "call_ref": leg and leg.call_ref,
        "leg_ref": leg and leg.leg_ref,
        "signers": [row["id"] for row in webhook.accounts],
        "method": request.method,
        "signed_url": request.url.partition("?")[0],
        "secret": context.vault.seal(_content(webhook, request)),
        "created_at": request.received_at,
    }


def _due(context: Context, url: str | None) -> JsonDict:
    """Where the row is passed on to, at once."""
    now = context.now()
    return {
        "url": url,
        "receiver": url and receiver_of(url),
        "state": owner_callbacks.PENDING if url else owner_callbacks.KEPT,
        "attempts": 0,
        "next_at": now,
        "updated_at": now,
    }


def request_of(context: Context, row: JsonObject) -> WebhookRequest:
    """The stored request, as it came. Raises ``WrongKey``."""
    content = context.vault.open(row["secret"])
    headers = [(name, value) for name, value in content["headers"]]
    body = content["body"].encode("latin-1")
    url = row["signed_url"] + content.get("query", "")
    return WebhookRequest(row["method"], url, headers, body, row["created_at"])


def _content(webhook: VerifiedWebhook, request: WebhookRequest) -> JsonDict:
    """Body, query and headers as JSON. Of a GET the query has the caller's number.

    Only the carrier's headers: a proxy in between has its own.
    """
    names = {"content-type", *webhook.provider.proof_headers}
    headers = [[name, value] for name, value in request.headers if name in names]
    _, sign, query = request.url.partition("?")
    return {"headers": headers, "body": request.body.decode("latin-1"), "query": sign + query}


def _key(webhook: VerifiedWebhook, request: WebhookRequest) -> str:
    events = webhook.report.events
    return events[0].key if events else _digest(request.url, request.body.hex())


def _lane(webhook: VerifiedWebhook, call_ref: str) -> str:
    """One call at the carrier: the order is kept within it."""
    return _digest(webhook.provider.name, webhook.accounts[0]["account_ref"], call_ref)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _owner(
    conn: Connection, webhook: VerifiedWebhook, call: Call | None, lane: str
) -> tuple[str, str | None]:
    """The organisation, and the URL of the number, of the lane's other rows, or of the former."""
    signers = [row["org_id"] for row in webhook.accounts]
    number = _number(conn, webhook, call, signers)
    org_id = number["org_id"] if number else call.org_id if call else signers[0]
    if number and number["body"].get(FIELD):
        return org_id, str(number["body"][FIELD])
    if number is None and (known := owner_callbacks.url_of(conn, lane)):
        return org_id, known
    org = accounts.get_org(conn, org_id)
    return org_id, (org["owner_callback_url"] or None) if org else None


def _number(
    conn: Connection, webhook: VerifiedWebhook, call: Call | None, orgs: list[str]
) -> JsonDict | None:
    """The stored number that the leg names, else that of the call."""
    for named in _parties(webhook.report.leg):
        found = accounts.numbers(conn, webhook.provider.name, named)
        ours = next((row for row in found if row["org_id"] in orgs), None)
        if ours is not None:
            return ours
    if call is not None and call.phone_number_id:
        return get_kept(conn, phone_numbers, call.org_id, call.phone_number_id)
    return None


def _parties(leg: Leg | None) -> Iterator[str]:
    """The side that is ours, as far as the carrier says which one that is."""
    if leg is None:
        return
    if leg.inbound is not False and leg.to:
        yield leg.to
    if leg.inbound is not True and leg.from_:
        yield leg.from_
