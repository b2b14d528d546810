"""Server messages: which a change of a call causes, and what they say.

Queued in the transaction of the event that causes them; ``app/delivery`` sends them.
https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant.config import wants
from app.domain.calls.apply import Change
from app.domain.context import Context, Reply, Row, new_id
from app.domain.reporting.call_json import call_json
from app.store import messages
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
EPHEMERAL_POLICY: Mapping[str, Any] = {"moment": True, "timeoutSeconds": 5}
"""Their policy (``app/delivery/sender.py``)."""
STALE_SECONDS = 10.0
"""After which one of a moment is no news, once the report is there."""
MAX_PENDING = 50
"""Of a call's messages: beyond it those of a moment are dropped, for their receiver is down."""


def queue_status(change: Change) -> None:
    """One message per status reached. A new call was queued, whatever it is by now.

    After each failed forward a status may recur.
    """
    row = change.row
    if change.before is None and row["status"] != CallStatus.QUEUED:
        _queue_status(change, {**row, "status": CallStatus.QUEUED}, 0)
    turn = sum(event.kind is EventKind.FORWARD_FAILED for event in change.log)
    _queue_status(change, row, turn)


def _queue_status(change: Change, row: Row, turn: int) -> None:
    extra = {"status": row["status"]}
    ended = row["status"] == CallStatus.ENDED
    if ended:
        extra["endedReason"] = row["ended_reason"]
    if row["status"] == CallStatus.FORWARDING:
        extra["destination"] = row["resolved"]["forward"]["destination"]
    key = f"{STATUS_UPDATE}:{row['status']}" + (f":{turn}" if turn and not ended else "")
    _queue(change.context, change.conn, row, STATUS_UPDATE, key, extra)


def queue_report(context: Context, conn: Connection, row: Row) -> None:
    """Once per call, when its reason is frozen. What an absent receiver has missed it need not read."""
    stale = context.now() - timedelta(seconds=STALE_SECONDS)
    for waiting in messages.pending(conn, row["id"]):
        if (waiting["policy"] or {}).get("moment") and waiting["created_at"] < stale:
            messages.delete(conn, waiting["id"])
    _queue(context, conn, row, END_OF_CALL_REPORT, END_OF_CALL_REPORT, _report(context, row))


def queue(
    context: Context, conn: Connection, row: Row, kind: str, extra: Mapping[str, Any]
) -> None:
    """One of the kinds that recur while the assistant talks."""
    key = f"{kind}:{new_id()}"
    if not is_ephemeral(kind, extra):
        _queue(context, conn, row, kind, key, extra)
    elif messages.count_pending(conn, row["id"]) < MAX_PENDING:
        _queue(context, conn, row, kind, key, extra, EPHEMERAL_POLICY)


def is_subscribed(row: Row, kind: str, extra: Mapping[str, Any] | None = None) -> bool:
    """Whether anybody wants this message."""
    assistant = row["resolved"].get("assistant", {})
    return bool(row["resolved"].get("server")) and wants(assistant, kind, extra)


def is_ephemeral(kind: str, extra: Mapping[str, Any]) -> bool:
    """What the transcriber makes of a sentence so far is of a moment too."""
    return kind in EPHEMERAL or extra.get("transcriptType") == "partial"


def ask(
    context: Context,
    row: Row,
    kind: str,
    extra: Mapping[str, Any],
    seconds: float,
    server: Mapping[str, Any] | None = None,
) -> Reply:
    """A message whose answer is waited for. ``server``: another than the call's, its secrets in clear."""
    known = row["resolved"].get("server")
    url = (server or known or {}).get("url")
    if not url:
        return Reply(error="no server URL is set for the assistant, its number or the organisation")
    if server and (problem := context.url_problem(url)):
        return Reply(error=problem)
    own = (
        {name: server[name] for name in ("secret", "headers") if server.get(name)} if server else {}
    )
    secrets = own or context.vault.open(row["secret"]).get("server", {})
    body = {"message": message(context, row, kind, extra)}
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return context.ask_server(url, f"{kind}-{new_id()}", raw, secrets, seconds)


def _report(context: Context, row: Row) -> dict[str, Any]:
    call = call_json(context, row, context.settings.recording_url_seconds)
    duration = (
        (row["ended_at"] - row["started_at"]).total_seconds()
        if row["started_at"] and row["ended_at"]
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
    told = {name: call[name] for name in names if name in call}
    return {
        **told,
        "endedReason": row["ended_reason"],
        "durationSeconds": round(duration, 3),
        "messages": call.get("messages", []),
        "transcript": call.get("transcript", ""),
        "summary": call.get("summary", ""),
        "analysis": call.get("analysis", {}),
    }


def _queue(
    context: Context,
    conn: Connection,
    row: Row,
    kind: str,
    key: str,
    extra: Mapping[str, Any],
    policy: Mapping[str, Any] | None = None,
) -> None:
    """``policy``: in the place of what the server's owner says."""
    if not is_subscribed(row, kind, extra):
        return
    server = row["resolved"]["server"]
    secrets = context.vault.open(row["secret"]).get("server", {})
    now = context.now()
    queued = messages.insert(
        conn,
        org_id=row["org_id"],
        call_id=row["id"],
        key=key,
        type=kind,
        url=server["url"],
        body=json.dumps(
            {"message": message(context, row, kind, extra)},
            ensure_ascii=False,
            separators=(",", ":"),
        ),
        secret=context.vault.seal(secrets),
        policy=policy or server.get("policy"),
        at=now,
    )
    if queued:
        wake_delivery(context, conn, row["id"])


def wake_delivery(context: Context, conn: Connection, call_id: str) -> None:
    """One job delivers all of a call's messages in order; its key makes it one at a time.

    It shares no lock with the call's timers: a receiver that hangs must not delay them.
    """
    context.jobs.enqueue(conn, "deliver", f"deliver:{call_id}", {"callId": call_id})


def message(context: Context, row: Row, kind: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What ``message`` of a body holds. The call as it is now (Vapi sends its state at creation; ours is the truth).

    Those of a moment are without what was said so far, unless it is what they tell.
    """
    call = call_json(context, row, context.settings.recording_url_seconds)
    details = call.get("phoneCallProviderDetails")
    if details:  # its markup holds tokens that are meant for the carrier alone
        call["phoneCallProviderDetails"] = {n: details[n] for n in ("to", "from") if n in details}
    artifact: dict[str, Any] | None = {
        "messages": [],
        "messagesOpenAIFormatted": [],
        **call.get("artifact", {}),
    }
    if is_ephemeral(kind, extra):  # many a minute: they say what is new, and no more
        call = {name: value for name, value in call.items() if name not in TALK}
        artifact = None
    common = {
        "type": kind,
        "timestamp": int(context.now().timestamp() * 1000),
        "call": call,
        "phoneNumber": row["resolved"].get("phoneNumber"),
        "customer": row["resolved"].get("customer"),
        "assistant": row["resolved"].get("assistant"),
        "artifact": artifact,
    }
    return {**{n: v for n, v in common.items() if v is not None}, **extra}
