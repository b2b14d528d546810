"""The checks behind the rules of ``studio_lint.py``: each yields the widgets that break its rule.

Pure. A pair is the widget's name ("" for the flow) and a detail for the rule's sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from uuid import UUID

from providers.common.json_types import JsonObject
from providers.events import EndedReason
from providers.twilio.studio import GONE, LONGEST_SECONDS
from providers.twilio.studio_definition import FETCH, LIQUID, REQUEST, Flow, Widget

Broken = Iterator[tuple[str, str]]
_FLOW_SID = re.compile(r"FW[0-9a-f]{32}|\{\{\s*flow\.flow_sid\s*\}\}")
_CREATED = re.compile(r"\{\{\s*widgets\.([\w-]+)\.parsed\.id\s*\}\}")
# Liquid whose value has only letters, digits and dashes, or is escaped.
_SAFE = re.compile(
    r"flow\.(flow_)?sid\b|\.parsed\.id\b|\.vapi\w+\b|\|\s*(replace|url_encode)\b|\{%"
)
_STARTS = ("incomingCall", "incomingRequest", "incomingParent")
# What stands for a Liquid value within JSON: right as a text and as a number.
_ANY = "0"


def without_exit(event: str) -> Callable[[Flow], Broken]:
    return lambda flow: ((each.name, "") for each in flow.lending if each.next(event) is None)


def request_without(event: str) -> Callable[[Flow], Broken]:
    return lambda flow: ((each.name, "") for each in flow.creating if each.next(event) is None)


def not_used(flow: Flow) -> Broken:
    if not flow.lending:
        yield "", ""


def not_started(flow: Flow) -> Broken:
    start = flow.widgets.get(flow.start)
    if start is None:
        yield "", f"initial_state {flow.start!r} is not a widget"
    elif not any(start.next(event) for event in _STARTS):
        yield start.name, "incomingCall is not wired"


def dangling(flow: Flow) -> Broken:
    for widget in flow.widgets.values():
        for each in widget.transitions:
            if each.next and each.next not in flow.widgets:
                yield widget.name, f"{each.event} leads to {each.next!r}"


def not_reached(flow: Flow) -> Broken:
    for each in (*flow.lending, *flow.creating):
        if each.name not in flow.reached:
            yield each.name, ""


def circle(flow: Flow) -> Broken:
    for each in flow.lending:
        if each.next("return") == each.name:
            yield each.name, ""


def times_out(flow: Flow) -> Broken:
    for each in flow.lending:
        text = each.text("timeout") or str(LONGEST_SECONDS)
        if not text.isdecimal() or int(text) < LONGEST_SECONDS:
            yield each.name, text


def not_post(flow: Flow) -> Broken:
    for each in flow.lending:
        if (each.text("method") or "POST").upper() != "POST":
            yield each.name, each.text("method")


def request_not_post(flow: Flow) -> Broken:
    for each in flow.creating:
        if each.text("method").upper() != "POST":
            yield each.name, each.text("method") or "GET"


def not_https(flow: Flow) -> Broken:
    for each in (*flow.lending, *flow.creating):
        if each.url.scheme != "https":
            yield each.name, each.url.scheme or "no scheme"


def no_way_back(flow: Flow) -> Broken:
    for each in flow.lending:
        if not each.query.get("flow") and not each.query.get("returnUrl"):
            yield each.name, ""


def wrong_flow(flow: Flow) -> Broken:
    for each in flow.lending:
        sid = each.query.get("flow")
        if sid and not _FLOW_SID.fullmatch(sid):
            yield each.name, sid


def not_an_id(flow: Flow) -> Broken:
    for each in flow.lending:
        given = each.query.get("assistantId")
        if given and not LIQUID.search(given) and not _is_uuid(given):
            yield each.name, given


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def unescaped(flow: Flow) -> Broken:
    for each in flow.lending:
        for found in LIQUID.findall(each.text("url")):
            if not _SAFE.search(found):
                yield each.name, found


def fetches_nothing(flow: Flow) -> Broken:
    for each in flow.lending:
        if not FETCH.search(each.url.path):
            continue
        created = _CREATED.search(each.text("url"))
        maker = flow.widgets.get(created[1]) if created else None
        if maker is None or maker.type != REQUEST:
            yield each.name, ""


def not_fetched(flow: Flow) -> Broken:
    used = {name for each in flow.lending for name in _CREATED.findall(each.text("url"))}
    for each in flow.creating:
        if each.name not in used:
            yield each.name, each.name


def no_key(flow: Flow) -> Broken:
    for each in flow.creating:
        if not each.url.password:
            yield each.name, ""


def not_json(flow: Flow) -> Broken:
    for each in flow.creating:
        if not each.text("content_type").startswith("application/json"):
            yield each.name, each.text("content_type") or "none"
        elif _body(each) is None and "{%" not in each.text("body"):  # tags may choose what is sent
            yield each.name, "its body is not a JSON object"


def dials(flow: Flow) -> Broken:
    for each in flow.creating:
        body = _body(each)
        if body is not None and body.get("phoneCallProviderBypassEnabled") is not True:
            yield each.name, ""


def _body(widget: Widget) -> JsonObject | None:
    """The request's body with any Liquid replaced; None when it is not a JSON object."""
    try:
        body = json.loads(LIQUID.sub(_ANY, widget.text("body")))
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def other_widget(flow: Flow) -> Broken:
    ours = {each.name for each in flow.lending}
    for split, name in flow.splits:
        if name not in ours:
            yield split.name, name


def no_match(flow: Flow) -> Broken:
    for split, _ in flow.splits:
        if split.next("noMatch") is None:
            yield split.name, ""


def unknown_reason(flow: Flow) -> Broken:
    known = set(EndedReason)
    for split, _ in flow.splits:
        if "vapiEndedReason" in split.text("input"):
            values = (value for each in split.transitions for value in each.values)
            yield from ((split.name, value) for value in values if value not in known)


def match_leads_nowhere(flow: Flow) -> Broken:
    """An exit for callers who have left may end the flow."""
    gone = set(GONE.reasons)
    for split, _ in flow.splits:
        for each in split.transitions:
            if each.event == "match" and each.next is None and not gone.issuperset(each.values):
                yield split.name, ", ".join(each.values)


def blocked(flow: Flow) -> Broken:
    if flow.flags.get("allow_concurrent_calls") is not True:
        yield "", ""
