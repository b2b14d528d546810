"""Server messages: the types that a call's change causes, and their contents.

The transaction of an event queues its messages; ``app/delivery`` sends them.
https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context, Reply, new_id
from app.domain.reporting.call_json import call_json
from app.store import messages
from providers.common import json_text
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus, EventKind

STATUS_UPDATE = "status-update"
END_OF_CALL_REPORT = "end-of-call-report"
TRANSFER_UPDATE = "transfer-update"
PHONE_CALL_CONTROL = "phone-call-control"
"""A server that lists it forwards and hangs up the leg itself, and gets this message."""
TALK = ("messages", "transcript", "artifact")
"""Fields of a Call that grow during the call."""
EPHEMERAL = frozenset({"conversation-update", "hang", "speech-update", "user-interrupted"})
"""Ephemeral types: the next message supersedes one, so each is sent once and never retried."""
EPHEMERAL_POLICY: JsonObject = {"moment": True, "timeoutSeconds": 5}
"""The delivery policy of ephemeral messages (``app/delivery/sender.py``)."""
STALE_SECONDS = 10.0
"""Age at which an ephemeral message is dropped, once the report is queued."""
MAX_PENDING = 50
"""Limit of a call's queued messages. Beyond it the receiver is down: ephemeral ones drop."""


def queue_status(change: Change) -> None:
    """Queue one message per status. A new call first gets one for ``queued``.

    After each failed forward a status may recur.
    """
    tx = change.tx
    if change.before is None and tx.call.status != CallStatus.QUEUED:
        _queue_status(replace(tx, call=replace(tx.call, status=CallStatus.QUEUED)), 0)
    turn = sum(event.kind is EventKind.FORWARD_FAILED for event in change.log)
    _queue_status(tx, turn)


def _queue_status(tx: CallTx, turn: int) -> None:
    call, forward = tx.call, tx.call.facts.forward
    extra: JsonDict = {"status": call.status}
    ended = call.status == CallStatus.ENDED
    if ended:
        extra["endedReason"] = call.ended_reason
    if call.status == CallStatus.FORWARDING and forward is not None:
        extra["destination"] = forward.destination
    key = f"{STATUS_UPDATE}:{call.status}" + (f":{turn}" if turn and not ended else "")
    _queue(tx, STATUS_UPDATE, key, extra)


def queue_report(tx: CallTx) -> None:
    """Queue the report, once per call. Ephemeral messages that are still queued become stale."""
    stale = tx.context.now() - timedelta(seconds=STALE_SECONDS)
    for waiting in messages.pending(tx.conn, tx.call.id):
        if (waiting["policy"] or {}).get("moment") and waiting["created_at"] < stale:
            messages.delete(tx.conn, waiting["id"])
    _queue(tx, END_OF_CALL_REPORT, END_OF_CALL_REPORT, _report(tx.context, tx.call))


def queue(tx: CallTx, kind: str, extra: JsonObject) -> None:
    """Queue a message of a type that recurs while the assistant talks."""
    key = f"{kind}:{new_id()}"
    if not is_ephemeral(kind, extra):
        _queue(tx, kind, key, extra)
    elif messages.count_pending(tx.conn, tx.call.id) < MAX_PENDING:
        _queue(tx, kind, key, extra, EPHEMERAL_POLICY)


def is_subscribed(call: Call, kind: str) -> bool:
    """Whether the call has a server that lists this message."""
    has_server = call.facts.server is not None
    return has_server and call.facts.assistant.wants_server_message(kind)


def is_ephemeral(kind: str, extra: JsonObject) -> bool:
    """Whether the next message supersedes this one. That includes partial transcripts."""
    return kind in EPHEMERAL or extra.get("transcriptType") == "partial"


def ask(
    context: Context,
    call: Call,
    kind: str,
    extra: JsonObject,
    seconds: float,
    server: JsonObject | None = None,
) -> Reply:
    """Send a message and wait for its answer. ``server``: another than the call's, decrypted."""
    known = call.facts.server
    url = server.get("url") if server else known.url if known else None
    if not url:
        return Reply(error="no server URL is set for the assistant, its number or the organisation")
    if server and (problem := context.url_problem(url)):
        return Reply(error=problem)
    own = (
        {name: server[name] for name in ("secret", "headers") if server.get(name)} if server else {}
    )
    secrets = own or context.vault.open(call.secret).get("server", {})
    body = {"message": message(context, call, kind, extra)}
    raw = json_text.dumps(body).encode()
    return context.ask_server(url, f"{kind}-{new_id()}", raw, secrets, seconds)


def _report(context: Context, call: Call) -> JsonDict:
    shown = call_json(context, call, context.settings.recording_url_seconds)
    duration = (
        (call.ended_at - call.started_at).total_seconds()
        if call.started_at and call.ended_at
        else 0.0
    )
    names = [
        "startedAt",
        "endedAt",
        "endedReason",
        "cost",
        "costBreakdown",
        "costs",
        "recordingUrl",
        "stereoRecordingUrl",
        "destination",
    ]
    told = {name: shown[name] for name in names if name in shown}
    return {
        **told,
        "endedReason": call.ended_reason,
        "durationSeconds": round(duration, 3),
        "messages": shown.get("messages", []),
        "transcript": shown.get("transcript", ""),
        "summary": shown.get("summary", ""),
        "analysis": shown.get("analysis", {}),
    }


def _queue(
    tx: CallTx,
    kind: str,
    key: str,
    extra: JsonObject,
    policy: JsonObject | None = None,
) -> None:
    """``policy`` replaces the server's own delivery policy."""
    server = tx.call.facts.server
    if server is None or not tx.call.facts.assistant.wants_server_message(kind, extra):
        return
    secrets = tx.context.vault.open(tx.call.secret).get("server", {})
    now = tx.context.now()
    queued = messages.insert(
        tx.conn,
        org_id=tx.call.org_id,
        call_id=tx.call.id,
        key=key,
        type=kind,
        url=server.url,
        body=json_text.dumps({"message": message(tx.context, tx.call, kind, extra)}),
        secret=tx.context.vault.seal(secrets),
        policy=policy or server.policy or None,
        at=now,
    )
    if queued:
        wake_delivery(tx.context, tx.conn, tx.call.id)


def wake_delivery(context: Context, conn: Connection, call_id: str) -> None:
    """Queue the job that delivers a call's messages in order. Its key allows one at a time.

    The job shares no lock with the call's timers: a receiver that hangs must not delay them.
    """
    context.jobs.enqueue(conn, "deliver", f"deliver:{call_id}", {"callId": call_id})


def message(context: Context, call: Call, kind: str, extra: JsonObject) -> JsonDict:
    """The ``message`` of a body, with the call's current state. Vapi sends the state at creation.

    An ephemeral message omits the conversation so far, unless the conversation is its content.
    """
    shown = call_json(context, call, context.settings.recording_url_seconds)
    details = shown.get("phoneCallProviderDetails")
    if details:  # its markup holds tokens that only the carrier may see
        shown["phoneCallProviderDetails"] = {n: details[n] for n in ("to", "from") if n in details}
    artifact: JsonDict | None = {
        "messages": [],
        "messagesOpenAIFormatted": [],
        **shown.get("artifact", {}),
    }
    if is_ephemeral(kind, extra):  # many a minute, so they stay small
        shown = {name: value for name, value in shown.items() if name not in TALK}
        artifact = None
    common = {
        "type": kind,
        "timestamp": int(context.now().timestamp() * 1000),
        "call": shown,
        "phoneNumber": call.facts.phone_number,
        "customer": call.facts.customer,
        "assistant": call.facts.assistant.json,
        "artifact": artifact,
    }
    return {**{n: v for n, v in common.items() if v is not None}, **extra}
