"""The leg a request names, and what our own query asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from providers.base.webhook import HookKind, Leg, WebhookRequest
from providers.errors import BadRequest
from providers.twilio import payload, webhooks
from tests.providers.twilio.case import (
    ACCOUNT_SID,
    CALL_SID,
    CHILD_SID,
    FLOW_SID,
    load,
    only,
    parsed,
)

CUSTOMER, CALLEE = "+14158675310", "+12125550100"
FLOW_URL = f"https://webhooks.twilio.com/v1/Accounts/{ACCOUNT_SID}/Flows/{FLOW_SID}"


# ------------------------------------------------------------------ legs and visits


@pytest.mark.parametrize(
    ("name", "leg"),
    [
        ("inbound", Leg(CALL_SID, CALL_SID, CUSTOMER, CALLEE, True)),
        ("fetch_outbound", Leg(CALL_SID, CALL_SID, CALLEE, CUSTOMER, False)),
        ("inbound_withheld", Leg(CALL_SID, CALL_SID, "anonymous", CALLEE, True)),
        (
            "inbound_sip",
            Leg(
                CALL_SID,
                CALL_SID,
                "sip:alice@pbx.example",
                "sip:desk@acme.sip.twilio.com",
                True,
                sip=True,
            ),
        ),
        ("amd_human", Leg(CALL_SID, CALL_SID)),  # not the full set of parameters
        ("stream_started", Leg(CALL_SID, CALL_SID)),
    ],
)
def test_a_leg(name: str, leg: Leg) -> None:
    assert parsed(name).leg == leg


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["inbound", "fetch"])
def test_a_visit(name: str, method: str) -> None:
    query = f"assistantId=a1&flow={FLOW_SID}&metadata.order=7&metadata.=x&other=y"
    report = parsed(name, method=method, query=query)
    assert report.visit is not None
    assert report.visit.assistant_id == "a1"
    assert report.visit.return_url == f"{FLOW_URL}?FlowEvent=return"
    assert report.visit.metadata == {"order": "7"}
    assert report.asks


def test_a_visit_that_asks_for_nothing() -> None:
    visit = parsed("inbound").visit
    assert visit is not None
    assert (visit.assistant_id, visit.return_url) == (None, None)
    assert visit.metadata == {}


def test_a_return_url_is_passed_on_unvetted() -> None:
    visit = parsed("inbound", query="returnUrl=https%3A%2F%2Fx.example%2Fa%3Fb%3Dc").visit
    assert visit is not None
    assert visit.return_url == "https://x.example/a?b=c"


def test_a_post_takes_twilios_words_from_the_body_only() -> None:
    report = parsed("inbound", query=f"CallSid={CHILD_SID}&From=%2B1999&CallStatus=busy")
    assert report.leg == Leg(CALL_SID, CALL_SID, CUSTOMER, CALLEE, True)


@pytest.mark.parametrize(
    "query",
    [
        "flow=FW1",  # no flow's id
        f"flow={FLOW_SID}%0A",
        "flow=%7B%7Bflow.flow_sid%7D%7D",  # Liquid that was not filled in
        f"flow={FLOW_SID}&returnUrl=https%3A%2F%2Fx.example",  # which of the two?
        "assistantId=a&assistantId=b",  # which of the two?
        "assistantId=%ff",  # not UTF-8
    ],
)
def test_a_visit_that_cannot_be_followed(query: str) -> None:
    with pytest.raises(BadRequest):
        parsed("inbound", query=query)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("status_ringing", {"CallSid": None}),
        ("status_ringing", {"CallSid": "CA1"}),
        ("status_ringing", {"AccountSid": None}),
        ("status_ringing", {"CallStatus": None}),
        ("status_ringing", {"CallStatus": ""}),
        ("stream_started", {"StreamEvent": None}),
        ("amd_human", {"AnsweredBy": None}),
        ("dial_busy", {"DialCallStatus": None}),
    ],
)
def test_what_twilio_cannot_have_sent(name: str, fields: Mapping[str, str | None]) -> None:
    with pytest.raises(BadRequest):
        parsed(name, fields)


@pytest.mark.parametrize(
    "request_",
    [
        replace(load("after"), method="DELETE"),
        replace(load("after"), body=load("after").body + b"&CallSid=x"),  # repeated
        replace(load("after"), body=b"CallSid=%ff"),
        replace(load("after"), headers=[("content-type", "text/plain")]),
    ],
    ids=["method", "repeated", "not UTF-8", "content type"],
)
def test_a_request_that_cannot_be_read(request_: WebhookRequest) -> None:
    with pytest.raises(BadRequest):
        webhooks.parse(HookKind.CONTINUE, request_)


def test_a_nul_is_not_stored() -> None:
    assert only(parsed("inbound", {"CallerName": "a\0b"})).data["callerName"] == "a\ufffdb"


def test_a_nul_in_a_name_is_not_stored() -> None:
    raw = parsed("inbound", {"New\0Name": "a"}).events[0].raw
    assert raw["New\ufffdName"] == "a"
    assert not any("\0" in name for name in raw)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_nul_in_our_own_query_is_not_stored(method: str) -> None:
    visit = parsed("inbound", method=method, query="metadata.a%00b=c%00d&assistantId=x%00").visit
    assert visit is not None
    assert visit.metadata == {"a\ufffdb": "c\ufffdd"}
    assert visit.assistant_id == "x\ufffd"


def test_names_that_differ_by_a_nul_only_are_one_name() -> None:
    with pytest.raises(BadRequest, match="repeated"):
        parsed("inbound", query="metadata.a%00=1&metadata.a%EF%BF%BD=2")


@pytest.mark.parametrize(
    ("direction", "inbound"),
    [
        ("inbound", True),
        ("outbound-api", False),
        ("outbound-dial", False),  # a leg that a <Dial> rang
        ("sideways", False),
        ("", None),
        (None, None),  # not every request has the full set of parameters
    ],
)
def test_the_direction(direction: str | None, inbound: bool | None) -> None:
    leg = parsed("status_ringing", {"Direction": direction}).leg
    assert leg is not None
    assert leg.inbound is inbound


@pytest.mark.parametrize(
    "party",
    ["+14158675310", "client:alice", "sip:alice@pbx.example", "anonymous", "unknown", "266696687"],
)
def test_a_party_is_kept_as_twilio_writes_it(party: str) -> None:
    leg = parsed("inbound", {"From": party, "To": party}).leg
    assert leg is not None
    assert (leg.from_, leg.to) == (party, party)


@pytest.mark.parametrize(
    ("hook_name", "own"),
    [
        ("inbound", True),  # asked by the leg itself, whosever child it is
        ("fetch", True),
        ("after", True),
        ("dial_busy", True),
        ("status_ringing", False),  # told of it: leads to the parent's call
        ("stream_started", False),
        ("amd_human", False),
        ("recording", False),
    ],
)
def test_whose_call_a_child_leg_leads_to(hook_name: str, own: bool) -> None:
    leg = parsed(hook_name, {"CallSid": CHILD_SID, "ParentCallSid": CALL_SID}).leg
    assert leg is not None
    assert (leg.leg_ref, leg.call_ref) == (CHILD_SID, CHILD_SID if own else CALL_SID)


@pytest.mark.parametrize("text", ["0", "7", "999999999"])
def test_a_number(text: str) -> None:
    assert payload.number(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.0", " 1", "1 ", "1_000", "1000000000", "\u0661"]
)
def test_no_number(text: str) -> None:
    assert payload.number(text) is None


@pytest.mark.parametrize("name", ["From", "CallSid", "RecordingSid"])
def test_a_repeated_parameter_could_mean_either(name: str) -> None:
    request = load("inbound", {name: CALL_SID})
    twice = replace(request, body=request.body + f"&{name}={CALL_SID}".encode())
    with pytest.raises(BadRequest, match="repeated"):
        payload.parameters(twice)
