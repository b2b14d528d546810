"""Everything that the page of one call shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.domain.calls import record
from app.domain.calls.record import Call
from app.domain.calls.redaction import redacted
from app.domain.context import Context
from app.domain.dashboard import latency, passed_on, timeline, transcript
from app.domain.dashboard.latency import Turn
from app.domain.dashboard.messages import MessageRow, messages_of
from app.domain.dashboard.passed_on import PassedOn
from app.domain.dashboard.rows import CallRow, row_of
from app.domain.dashboard.timeline import Entry
from app.domain.dashboard.transcript import Line
from app.domain.dashboard.transfers import Transfer, transfers
from app.domain.errors import NotFound
from app.domain.ids import parse_uuid
from app.domain.live import control
from app.domain.live.monitor import listen_url
from app.domain.reporting import recording_links
from app.domain.reporting.event_json import event_json
from app.domain.reporting.explain import explain
from app.store import events
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus

PLAYED_SECONDS = 4 * 3600.0
"""How long an open page may play the recording."""
MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class CallView:
    """One call. Texts are empty where there is nothing to show."""

    row: CallRow
    ended_at: str
    facts: list[tuple[str, str]]
    """(name, value) of the call's ids and settings."""
    console_url: str
    """Where the carrier shows the call."""
    recording: str
    """Path of the recording, with its token."""
    lines: list[Line]
    transfers: list[Transfer]
    turns: list[Turn]
    metrics: JsonObject
    events: list[Entry]
    messages: list[MessageRow]
    passed_on: list[PassedOn]
    costs: list[JsonDict]
    summary: str
    success: str
    structured: list[JsonDict]
    listen_url: str
    takes_control: bool
    """Whether the assistant takes what a person says and decides."""
    takes_supervisor: bool
    """Whether a supervisor can speak to the caller."""
    is_taken_over: bool
    """Whether a supervisor has the call."""

    @property
    def evidence(self) -> list[Entry]:
        """The events that could have ended the call, the one that did first."""
        found = [each for each in self.events if each.decides or each.lost_to]
        return sorted(found, key=lambda each: not each.decides)

    @property
    def failed(self) -> int:
        return sum(each.state == "failed" for each in self.messages)


def own(context: Context, org_id: str, call_id: str) -> Call:
    """The organisation's call. Raises ``NotFound``."""
    known = parse_uuid(call_id)
    with context.store.read() as conn:
        found = record.get(conn, known) if known else None
    if found is None or found.org_id != org_id:
        raise NotFound("Call", call_id)
    return found


def view(context: Context, org_id: str, call_id: str) -> CallView:
    """Everything that a call's page shows. Raises ``NotFound``."""
    call = own(context, org_id, call_id)
    with context.store.read() as conn:
        log = [event_json(each) for each in events.log(conn, call.id)[:MOST_EVENTS]]
        steps = explain(
            events.of_call(conn, call.id), context.providers[call.provider].never_answered
        )
    body, is_live = call.body, call.status != CallStatus.ENDED
    analysis = body.get("analysis") or {}
    metrics = body.get("performanceMetrics") or {}
    row, sent = row_of(context, call), messages_of(context, call)
    return CallView(
        row=row,
        ended_at=_iso(call),
        facts=_facts(call),
        console_url=_console(context, call),
        recording=_recording(context, call),
        lines=transcript.lines(body.get("messages") or ()),
        transfers=transfers(body.get("transfers") or []),
        turns=latency.turns(metrics),
        metrics=metrics,
        events=timeline.timeline(context, call, log, steps),
        messages=sent,
        passed_on=passed_on.of_call(context, call),
        costs=[dict(each) for each in body.get("costs") or ()],
        summary=str(analysis.get("summary") or body.get("summary") or ""),
        success=str(analysis.get("successEvaluation") or ""),
        structured=_structured(body, analysis),
        listen_url=(listen_url(context, call) or "") if is_live else "",
        takes_control=is_live and control.problem(context, call, "") is None,
        takes_supervisor=is_live and control.no_supervisor(context, call) is None,
        is_taken_over=is_live and call.facts.taken_over,
    )


def _iso(call: Call) -> str:
    return call.ended_at.isoformat() if call.ended_at else ""


def _facts(call: Call) -> list[tuple[str, str]]:
    facts = call.facts
    listed: Mapping[str, object] = {
        "Call": call.id,
        "At the carrier": call.provider_call_id,
        "Phone leg": facts.leg_ref if facts.leg_ref != call.provider_call_id else None,
        "Media leg": facts.media_leg_ref,
        "Account": facts.account_ref,
        "Number": call.phone_number_id,
        "Assistant": call.assistant_id,
        "Customer": call.customer_id,
        "Name": call.body.get("name"),
        "Longest duration": f"{call.max_duration} s",
        "Created by": "your own flow (bypass)" if call.bypass else "a dial of ours",
        "Transferred to": call.body.get("forwardedPhoneNumber"),
        "Last words": call.body.get("endedMessage"),
    }
    return [(name, str(value)) for name, value in listed.items() if value]


def _console(context: Context, call: Call) -> str:
    url = context.providers[call.provider].console_url
    return url.format(call=call.provider_call_id) if call.provider_call_id else ""


def _recording(context: Context, call: Call) -> str:
    """A path: the page may be open at another address than PUBLIC_URL."""
    links = recording_links.of(context, call, PLAYED_SECONDS)
    url = links.get("stereoRecordingUrl") or links.get("recordingUrl") or ""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if url else ""


def _structured(body: JsonObject, analysis: JsonObject) -> list[JsonDict]:
    """``name`` and ``result`` of each."""
    found = [
        {"name": each.get("name", key), "result": timeline.pretty(each.get("result"))}
        for key, each in (body.get("structuredOutputs") or {}).items()
    ]
    if data := analysis.get("structuredData"):
        found.append({"name": "structuredData", "result": timeline.pretty(redacted(data))})
    return found
