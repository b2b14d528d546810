"""Server messages: the types that a call's change causes, and their contents.

The transaction of an event queues its messages. ``app/delivery`` sends them, with the text of
``message_text``.
https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context, Reply
from app.domain.reporting import message_text
from app.domain.reporting.call_json import DEBUGGING
from app.domain.reporting.message_text import (
    END_OF_CALL_REPORT,
    is_ephemeral,
    message,
)
from app.domain.resources import server_credentials
from app.store import messages
from app.store.engine import after_commit
from app.store.ids import new_id
from providers.common import json_text
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus, EventKind

STATUS_UPDATE = "status-update"
TRANSFER_UPDATE = "transfer-update"
PHONE_CALL_CONTROL = "phone-call-control"
"""A server that lists it forwards and hangs up the leg itself, and gets this message."""
FIRST = frozenset({CallStatus.SCHEDULED, CallStatus.QUEUED})
"""Statuses of a new call that no other status comes before."""
EPHEMERAL_POLICY: JsonObject = {"moment": True, "timeoutSeconds": 5}
"""The delivery policy of ephemeral messages (``app/delivery/sender.py``)."""
BACKOFF = "backoffPlan"
"""Field of a server, for requests that wait for their answer."""
EARLIER = "earlierServers"
"""Key of a call's secrets: URL -> the secrets of a server of an assistant that it had before."""
STALE_SECONDS = 10.0
"""Age at which an ephemeral message is dropped, once the report is queued."""
MAX_PENDING = 50
"""Limit of a call's queued messages. Beyond it the receiver is down: ephemeral ones drop."""


def queue_status(change: Change) -> None:
    """Queue one message per status. A new call first gets one for ``queued``.

    After each failed forward a status may recur.
    """
    tx = change.tx
    if change.before is None and tx.call.status not in FIRST:
        _queue_status(tx, CallStatus.QUEUED, 0)
    turn = sum(event.kind is EventKind.FORWARD_FAILED for event in change.log)
    _queue_status(tx, tx.call.status, turn)


def _queue_status(tx: CallTx, status: CallStatus, turn: int) -> None:
    """``turn``: how often a forward has failed."""
    call, forward = tx.call, tx.call.facts.forward
    extra: JsonDict = {"status": status}
    ended = status == CallStatus.ENDED
    if ended:
        extra["endedReason"] = call.ended_reason
        if artifacts := call.body.get(DEBUGGING):
            extra[DEBUGGING] = artifacts
    if status == CallStatus.FORWARDING and forward is not None:
        extra["destination"] = forward.destination
    key = f"{STATUS_UPDATE}:{status}" + (f":{turn}" if turn and not ended else "")
    _queue(tx, STATUS_UPDATE, key, extra, status=status)


def queue_report(tx: CallTx) -> None:
    """Queue the report, once per call. Ephemeral messages that are still queued become stale."""
    now = tx.context.now()
    stale = now - timedelta(seconds=STALE_SECONDS)
    for waiting in messages.pending(tx.conn, tx.call.id):
        ephemeral, lease = (waiting["policy"] or {}).get("moment"), waiting["leased_until"]
        on_its_way = lease is not None and lease > now
        if ephemeral and not on_its_way and waiting["created_at"] < stale:
            messages.delete(tx.conn, waiting["id"])
    _queue(tx, END_OF_CALL_REPORT, END_OF_CALL_REPORT, {})


def queue(tx: CallTx, kind: str, extra: JsonObject, key: str | None = None) -> None:
    """Queue a message of a type that recurs while the assistant talks.

    ``key``: of what may come more than once; else each is new.
    """
    key = key or f"{kind}:{new_id()}"
    if not is_ephemeral(kind, extra):
        _queue(tx, kind, key, extra)
    elif messages.count_pending(tx.conn, tx.call.id) < MAX_PENDING:
        _queue(tx, kind, key, extra, EPHEMERAL_POLICY)


def is_subscribed(call: Call, kind: str) -> bool:
    """Whether the call has a server that lists this message."""
    has_server = call.facts.server is not None
    return has_server and call.facts.assistant.wants_server_message(kind)


def ask(
    context: Context,
    call: Call,
    kind: str,
    extra: JsonObject,
    seconds: float,
    server: JsonObject | None = None,
) -> Reply:
    """Send a message and wait for its answer. ``server``: another than the call's, decrypted.

    Its ``credentialId`` counts, and then not the secret of the call's server.
    """
    known = call.facts.server
    url = server.get("url") if server else known.url if known else None
    if not url:
        return Reply(error="no server URL is set for the assistant, its number or the organisation")
    if server and (problem := context.url_problem(url)):
        return Reply(error=problem)
    secrets = _proofs(context, call, server)
    body = {"message": message(context, call, kind, extra)}
    raw = json_text.dumps(body).encode()
    return context.ask_server(url, f"{kind}-{new_id()}", raw, secrets, seconds)


def _proofs(context: Context, call: Call, server: JsonObject | None) -> JsonDict:
    """What a request proves itself by: that of a tool's own server, else of the call's."""
    if server is None:
        return server_secrets(context, call)
    own = {name: server[name] for name in ("secret", "headers") if server.get(name)}
    credential_id = server.get("credentialId")
    proofs = (
        with_signer(context, call.org_id, own, credential_id)
        if own or credential_id
        else server_secrets(context, call)
    )
    return {**proofs, BACKOFF: server.get(BACKOFF)}


def server_secrets(context: Context, call: Call) -> JsonDict:
    """``secret``, ``headers`` and ``backoffPlan`` of the call's server, and its signer."""
    policy = call.facts.server.policy if call.facts.server else {}
    secrets = {**context.vault.open(call.secret).get("server", {}), BACKOFF: policy.get(BACKOFF)}
    return with_signer(context, call.org_id, secrets, policy.get("credentialId"))


def secrets_for(context: Context, call: Call, url: str) -> JsonDict:
    """Those of the server that a message was queued for, which may have been an assistant's before."""
    server = call.facts.server
    if server is None or server.url == url:
        return server_secrets(context, call)
    earlier: JsonObject | None = context.vault.open(call.secret).get(EARLIER, {}).get(url)
    if earlier is None:
        return server_secrets(context, call)
    own = {name: earlier[name] for name in ("secret", "headers") if name in earlier}
    return with_signer(context, call.org_id, own, earlier.get("credentialId"))


def with_earlier(call: Call, secrets: JsonObject) -> JsonDict:
    """The call's secrets, with those of its server kept for what is queued for it."""
    server = call.facts.server
    if server is None:
        return dict(secrets)
    own = {**secrets.get("server", {}), "credentialId": server.policy.get("credentialId")}
    return {**secrets, EARLIER: {**secrets.get(EARLIER, {}), server.url: own}}


def with_signer(
    context: Context, org_id: str, secrets: JsonObject, credential_id: object
) -> JsonDict:
    """The secrets, and the signer of a credential. The credential is read when it is used."""
    if not credential_id:
        return dict(secrets)
    with context.store.read() as conn:
        signer = server_credentials.find(context, conn, org_id, credential_id)
    return {**secrets, "signer": signer}


def _queue(
    tx: CallTx,
    kind: str,
    key: str,
    extra: JsonObject,
    policy: JsonObject | None = None,
    status: CallStatus | None = None,
) -> None:
    """``policy`` replaces the server's own delivery policy, ``status`` the call's status."""
    server = tx.call.facts.server
    if server is None or not tx.call.facts.assistant.wants_server_message(kind, extra):
        return
    messages.insert(
        tx.conn,
        org_id=tx.call.org_id,
        call_id=tx.call.id,
        key=key,
        type=kind,
        url=server.url,
        facts=message_text.facts(tx.call, extra, status or tx.call.status),
        policy=policy or server.policy or None,
        at=tx.context.now(),
    )
    wake_delivery(tx.context, tx.conn)


def wake_delivery(context: Context, conn: Connection) -> None:
    """Wake this process's dispatcher after the commit."""
    after_commit(conn, context.message_queued.set)
