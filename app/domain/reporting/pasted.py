"""What Patchbay would make of pasted callbacks: each call of theirs, explained. No store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.reporting.explain import summary
from providers.base import pasted
from providers.base.carrier import Carrier
from providers.base.pasted import Pasted
from providers.base.webhook import HookKind, WebhookReport
from providers.errors import BadRequest
from providers.events import CallEvent, EventKind

UNKNOWN = "No carrier known here sends this: a call's id is missing."


@dataclass(slots=True)
class _Found:
    """The callbacks of one call."""

    carrier: Carrier
    ref: str
    events: list[CallEvent] = field(default_factory=list)


def explain_text(
    text: str, carriers: Mapping[str, Carrier], received_at: datetime
) -> dict[str, Any]:
    """Every call of the text, and the callbacks that are none. Raises ``NotReadable``."""
    calls, problems = dict[str, _Found](), list[dict[str, Any]]()
    for each in pasted.read(text, received_at):
        try:
            _take(calls, each, carriers)
        except BadRequest as error:
            problems.append({"callback": each.number, "problem": str(error)})
    return {
        "calls": [_explained(each, received_at) for each in calls.values()],
        "problems": problems,
    }


def _take(calls: dict[str, _Found], each: Pasted, carriers: Mapping[str, Carrier]) -> None:
    """Add a callback's events to its call. One that names no leg is of the last call."""
    carrier, kind = _carrier_of(each, carriers)
    if carrier.pasted is None or kind is None:
        raise BadRequest(UNKNOWN)
    report = carrier.webhooks.parse(kind, carrier.pasted.restore(each).request)
    last = next(reversed(calls), "") if calls else ""
    ref = report.leg.call_ref if report.leg else last
    if not ref:
        raise BadRequest("It names no leg, and no callback before it does.")
    found = calls.setdefault(ref, _Found(carrier, ref))
    if not found.events:
        found.events.append(_created(report))
    found.events += (_as_known(found, event) for event in report.events)


def _carrier_of(each: Pasted, carriers: Mapping[str, Carrier]) -> tuple[Carrier, HookKind | None]:
    """The carrier, and the kind of the callback: by its path, if it is one of ours."""
    for carrier in carriers.values():
        kind = carrier.pasted.recognise(each) if carrier.pasted else None
        if kind is not None:
            return carrier, _kind_of_path(carrier, each.request.url) or kind
    raise BadRequest(UNKNOWN)


def _kind_of_path(carrier: Carrier, url: str) -> HookKind | None:
    path = url.partition("?")[0].partition("://")[2].partition("/")[2].split("/")
    for hook in carrier.hooks:
        rule = hook.path.strip("/").split("/")
        if len(rule) == len(path) and all(
            ours.startswith("<") or ours == theirs for ours, theirs in zip(rule, path, strict=True)
        ):
            return hook.kind
    return None


def _created(report: WebhookReport) -> CallEvent:
    """Patchbay's own first event: as for a leg that comes in bypass mode."""
    at = min(event.at for event in report.events)
    return CallEvent(EventKind.CREATED, at, "created", data={"bypass": True})


def _as_known(found: _Found, event: CallEvent) -> CallEvent:
    """A socket that fails after one was open is a note, as in a call of ours."""
    joined = any(each.kind is EventKind.MEDIA_CONNECTED for each in found.events)
    if joined and event.kind is EventKind.MEDIA_FAILED:
        return event._replace(kind=EventKind.NOTE)
    return event


def _explained(found: _Found, received_at: datetime) -> dict[str, Any]:
    """A callback without a time of its own gets the first time that another one has."""
    known = [event.at for event in found.events if event.at != received_at]
    first = min(known, default=received_at)
    timed = [e._replace(at=first) if e.at == received_at else e for e in found.events]
    return {
        "phoneCallProvider": found.carrier.name,
        "phoneCallProviderId": found.ref,
        **summary(timed, found.carrier.never_answered),
    }


def lines(found: Mapping[str, Any]) -> Sequence[str]:
    """The explanation for a terminal."""
    told = list[str]()
    for call in found["calls"]:
        told.append(f"{call['phoneCallProvider']} {call['phoneCallProviderId']}: {call['status']}")
        for step in call["steps"]:
            told.append(f"  {step['at']}  {step['kind']}: {step['text']}")
            told += [f"    {name}: {a or '-'} -> {b or '-'}" for name, (a, b) in
                     step.get("changed", {}).items()]  # fmt: skip
            told += [f"    {step['why']}"] if step.get("why") else []
        reason = call["endedReason"]
        told.append(f"  endedReason: {reason or 'none yet'}")
        told += [f"  {call[name]}" for name in ("sentence", "advice") if call[name]]
        told += ["  The reason may still change: its evidence is generic."] * call["provisional"]
    told += [f"callback {each['callback']}: {each['problem']}" for each in found["problems"]]
    return told
