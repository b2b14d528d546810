"""Where a caller can fall out of a Studio flow that lends its calls to us: a table of rules.

Pure. A rule yields the widgets that break it. Its sentence says what the caller meets, and what to
change. https://www.twilio.com/docs/studio/widget-library
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.twilio import studio_checks as checks
from providers.twilio.studio import LONGEST_SECONDS
from providers.twilio.studio_checks import Broken
from providers.twilio.studio_definition import Flow


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a caller can fall out. ``widget`` "": the flow as a whole."""

    rule: str
    widget: str
    problem: str

    def __str__(self) -> str:
        return f"{self.widget or 'flow'}: {self.problem} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``problem`` is its sentence."""

    name: str
    problem: str
    broken: Callable[[Flow], Broken]


def check(flow: Flow, base_url: str = "") -> list[Finding]:
    """The findings, in the order of the table. ``base_url``: the bridge's; "": any host is ours."""
    found = [
        Finding(rule.name, widget, rule.problem.format(detail))
        for rule in RULES
        for widget, detail in rule.broken(flow)
    ]
    host = base_url.partition("://")[2].partition("/")[0].lower()
    others = [
        Finding("other-host", each.name, OTHER_HOST.format(each.url.hostname, base_url))
        for each in (*flow.lending, *flow.creating)
        if host and each.url.netloc.rpartition("@")[2].lower() != host
    ]
    return found + others


OTHER_HOST = (
    "its URL leads to {}, and the bridge is {}: Twilio signs the URL it calls, so use that one"
)


RULES = (
    Rule(
        "not-used",
        "no TwiML Redirect leads to Patchbay (/twilio/inbound_call or /twilio/calls/ID/twiml)",
        checks.not_used,
    ),
    Rule("not-started", "{}: no call gets into the flow", checks.not_started),
    Rule("dangling", "{}, which does not exist: the call ends there", checks.dangling),
    Rule(
        "not-reached",
        "no call comes here: wire an exit of another widget to it",
        checks.not_reached,
    ),
    Rule(
        "blocked",
        "allow_concurrent_calls is off: an execution that hangs blocks every later call of its number",
        checks.blocked,
    ),
    Rule(
        "no-return",
        "return is not wired: the call ends as soon as the assistant has left",
        checks.without_exit("return"),
    ),
    Rule(
        "no-fail",
        "fail is not wired: if the URL is not one, the caller hears nothing and the call ends",
        checks.without_exit("fail"),
    ),
    Rule(
        "circle",
        "return leads to the widget itself: the caller cannot leave, and Studio stops after ten rounds",
        checks.circle,
    ),
    Rule(
        "times-out",
        f"it gives up after {{}} s, and Studio cannot take a longer call back: set {LONGEST_SECONDS}",
        checks.times_out,
    ),
    Rule(
        "not-post",
        "method is {}: use POST, or the caller's number is in the URL and in every log",
        checks.not_post,
    ),
    Rule("not-https", "its URL has {}: Patchbay is called by https only", checks.not_https),
    Rule(
        "no-way-back",
        "its URL has no flow={{{{flow.flow_sid}}}}: the leg does not come back, and the call ends",
        checks.no_way_back,
    ),
    Rule(
        "wrong-flow",
        "flow={} is not a flow's id: write {{{{flow.flow_sid}}}}, or the caller hears Twilio's error",
        checks.wrong_flow,
    ),
    Rule("not-an-id", "assistantId={} is not the id of an assistant", checks.not_an_id),
    Rule(
        "unescaped",
        "{} is not escaped: a + or a space in it makes the widget fail; add `| replace: '+', '%2B'`",
        checks.unescaped,
    ),
    Rule(
        "fetches-nothing",
        "its URL names no call of this flow: write {{{{widgets.NAME.parsed.id}}}} of the HTTP Request",
        checks.fetches_nothing,
    ),
    Rule(
        "not-fetched",
        "no TwiML Redirect fetches its call: add one with /twilio/calls/{{{{widgets.{}.parsed.id}}}}/twiml",
        checks.not_fetched,
    ),
    Rule(
        "no-success",
        "success is not wired: the call is created, and the caller is hung up on",
        checks.request_without("success"),
    ),
    Rule(
        "no-failed",
        "failed is not wired: after any answer but 2xx the caller is hung up on",
        checks.request_without("failed"),
    ),
    Rule("request-not-post", "method is {}: a call is created by POST", checks.request_not_post),
    Rule(
        "no-key",
        "its URL has no key: the widget sends no headers, so write https://flow:API_KEY@HOST/call",
        checks.no_key,
    ),
    Rule("not-json", "the request is not JSON ({}): it is answered 400", checks.not_json),
    Rule(
        "dials",
        "phoneCallProviderBypassEnabled is not true: Patchbay would dial the caller",
        checks.dials,
    ),
    Rule(
        "other-widget",
        "it asks for the outcome of {!r}, which does not lead to Patchbay: no value ever matches",
        checks.other_widget,
    ),
    Rule(
        "no-match",
        "noMatch is not wired: after any other outcome the caller is hung up on",
        checks.no_match,
    ),
    Rule("unknown-reason", "{!r} is not an endedReason: it never matches", checks.unknown_reason),
    Rule(
        "match-leads-nowhere",
        "the exit for {} is not wired: the caller is hung up on without a word",
        checks.match_leads_nowhere,
    ),
)
