"""Server messages: which a change of a call causes, and what they say.

Queued in the transaction of the event that causes them; ``app/delivery`` sends them.
https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context, Reply, new_id
from app.domain.reporting.call_json import call_json
from app.store import messages
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus, EventKind

STATUS_UPDATE = "status-update"
END_OF_CALL_REPORT = "end-of-call-report"
TRANSFER_UPDATE = "transfer-update"
PHONE_CALL_CONTROL = "phone-call-control"
"""Who lists it moves and hangs up the leg itself, and is told when."""
TALK = ("messages", "transcript", "artifact")
"""Fields of a Call that grow with it."""
EPHEMERAL = frozenset({"conversation-update", "hang", "speech-update", "user-interrupted"})
"""Kinds of which the next one says more: tried once, and kept until then."""
EPHEMERAL_POLICY: JsonObject = {"moment": True, "timeoutSeconds": 5}
"""Their policy (``app/delivery/sender.py``)."""
STALE_SECONDS = 10.0
"""After which one of a moment is no news, once the report is there."""
MAX_PENDING = 50
"""Of a call's messages: beyond it those of a moment are dropped, for their receiver is down."""


def queue_status(change: Change) -> None:
    """One message per status reached. A new call was queued, whatever it is by now.

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
    """Once per call, when its reason is frozen. What an absent receiver has missed it need not read."""
    stale = tx.context.now() - timedelta(seconds=STALE_SECONDS)
    for waiting in messages.pending(tx.conn, tx.call.id):
        if (waiting["policy"] or {}).get("moment") and waiting["created_at"] < stale:
            messages.delete(tx.conn, waiting["id"])
    _queue(tx, END_OF_CALL_REPORT, END_OF_CALL_REPORT, _report(tx.context, tx.call))


def queue(tx: CallTx, kind: str, extra: JsonObject) -> None:
    """One of the kinds that recur while the assistant talks."""
    key = f"{kind}:{new_id()}"
    if not is_ephemeral(kind, extra):
        _queue(tx, kind, key, extra)
    elif messages.count_pending(tx.conn, tx.call.id) < MAX_PENDING:
        _queue(tx, kind, key, extra, EPHEMERAL_POLICY)


def is_subscribed(call: Call, kind: str) -> bool:
    """Whether anybody wants this message."""
    has_server = call.facts.server is not None
    return has_server and call.facts.assistant.wants_server_message(kind)


def is_ephemeral(kind: str, extra: JsonObject) -> bool:
    """What the transcriber makes of a sentence so far is of a moment too."""
    return kind in EPHEMERAL or extra.get("transcriptType") == "partial"


def ask(
    context: Context,
    call: Call,
    kind: str,
    extra: JsonObject,
    seconds: float,
    server: JsonObject | None = None,
) -> Reply:
    """A message whose answer is waited for. ``server``: another than the call's, its secrets in clear."""
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
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
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
    """``policy``: in the place of what the server's owner says."""
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
        body=json.dumps(
            {"message": message(tx.context, tx.call, kind, extra)},
            ensure_ascii=False,
            separators=(",", ":"),
        ),
        secret=tx.context.vault.seal(secrets),
        policy=policy or server.policy or None,
        at=now,
    )
    if queued:
        wake_delivery(tx.context, tx.conn, tx.call.id)


def wake_delivery(context: Context, conn: Connection, call_id: str) -> None:
    """One job delivers all of a call's messages in order; its key makes it one at a time.

    It shares no lock with the call's timers: a receiver that hangs must not delay them.
    """
    context.jobs.enqueue(conn, "deliver", f"deliver:{call_id}", {"callId": call_id})


def message(context: Context, call: Call, kind: str, extra: JsonObject) -> JsonDict:
    """What ``message`` of a body holds. The call as it is now (Vapi sends its state at creation; ours is the truth).

    Those of a moment are without what was said so far, unless it is what they tell.
    """
    shown = call_json(context, call, context.settings.recording_url_seconds)
    details = shown.get("phoneCallProviderDetails")
    if details:  # its markup holds tokens that are meant for the carrier alone
        shown["phoneCallProviderDetails"] = {n: details[n] for n in ("to", "from") if n in details}
    artifact: JsonDict | None = {
        "messages": [],
        "messagesOpenAIFormatted": [],
        **shown.get("artifact", {}),
    }
    if is_ephemeral(kind, extra):  # many a minute: they say what is new, and no more
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
