"""Server messages: which a change of a call causes, and what they say.

Queued in the transaction of the event that causes them; ``app/delivery`` sends them.
https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistants import wants
from app.domain.core import Core, Reply, Row, new_id
from app.domain.view import call_json
from app.store import messages
from providers.events import CallStatus

STATUS_UPDATE = "status-update"
END_OF_CALL_REPORT = "end-of-call-report"


def queue_status(core: Core, conn: Connection, row: Row, turn: int) -> None:
    """One per status reached; ``turn`` counts failed forwards, after each of which it may recur."""
    extra = {"status": row["status"]}
    ended = row["status"] == CallStatus.ENDED
    if ended:
        extra["endedReason"] = row["ended_reason"]
    if row["status"] == CallStatus.FORWARDING:
        extra["destination"] = row["resolved"]["forward"]["destination"]
    key = f"{STATUS_UPDATE}:{row['status']}" + (f":{turn}" if turn and not ended else "")
    _queue(core, conn, row, STATUS_UPDATE, key, extra)


def queue_report(core: Core, conn: Connection, row: Row) -> None:
    """Once per call, when its reason is frozen."""
    _queue(core, conn, row, END_OF_CALL_REPORT, END_OF_CALL_REPORT, _report(core, row))


def queue(core: Core, conn: Connection, row: Row, kind: str, extra: Mapping[str, Any]) -> None:
    """One of the kinds that recur while the assistant talks."""
    _queue(core, conn, row, kind, f"{kind}:{new_id()}", extra)


def ask(
    core: Core,
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
    if server and (problem := core.url_problem(url)):
        return Reply(error=problem)
    own = (
        {name: server[name] for name in ("secret", "headers") if server.get(name)} if server else {}
    )
    secrets = own or core.vault.open(row["secret"]).get("server", {})
    body = {"message": message(core, row, kind, extra)}
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return core.ask(url, f"{kind}-{new_id()}", raw, secrets, seconds)


def _report(core: Core, row: Row) -> dict[str, Any]:
    call = call_json(core, row, core.settings.recording_url_seconds)
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
        "transcript",
        "recordingUrl",
        "stereoRecordingUrl",
        "summary",
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
        "analysis": {},
    }


def _queue(
    core: Core, conn: Connection, row: Row, kind: str, key: str, extra: Mapping[str, Any]
) -> None:
    server = row["resolved"].get("server")
    if not server or not wants(row["resolved"].get("assistant", {}), kind):
        return
    secrets = core.vault.open(row["secret"]).get("server", {})
    now = core.now()
    queued = messages.insert(
        conn,
        org_id=row["org_id"],
        call_id=row["id"],
        key=key,
        type=kind,
        url=server["url"],
        body=json.dumps(
            {"message": message(core, row, kind, extra)}, ensure_ascii=False, separators=(",", ":")
        ),
        secret=core.vault.seal(secrets),
        policy=server.get("policy"),
        at=now,
    )
    if queued:
        wake_delivery(core, conn, row["id"])


def wake_delivery(core: Core, conn: Connection, call_id: str) -> None:
    """One job delivers all of a call's messages in order; its key makes it one at a time.

    It shares no lock with the call's timers: a receiver that hangs must not delay them.
    """
    core.jobs.enqueue(conn, "deliver", f"deliver:{call_id}", {"callId": call_id})


def message(core: Core, row: Row, kind: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What ``message`` of a body holds. The call as it is now (Vapi sends its state at creation; ours is the truth)."""
    call = call_json(core, row, core.settings.recording_url_seconds)
    details = call.get("phoneCallProviderDetails")
    if details:  # its markup holds tokens that are meant for the carrier alone
        call["phoneCallProviderDetails"] = {n: details[n] for n in ("to", "from") if n in details}
    artifact = {"messages": call.get("messages", []), "messagesOpenAIFormatted": []}
    common = {
        "type": kind,
        "timestamp": int(core.now().timestamp() * 1000),
        "call": call,
        "phoneNumber": row["resolved"].get("phoneNumber"),
        "customer": row["resolved"].get("customer"),
        "assistant": row["resolved"].get("assistant"),
        "artifact": artifact,
    }
    return {**{n: v for n, v in common.items() if v is not None}, **extra}
