"""Runs ``<Connect><ConversationRelay>`` of a simulated call: the session, and its ``action``.

https://www.twilio.com/docs/voice/twiml/connect/conversationrelay
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from urllib.parse import urljoin

from providers.simulation.caller import perform
from providers.simulation.media_socket import Ending, SocketRefused
from providers.twilio.relay import OPTIONS
from providers.twilio.simulator.call import Document, TwilioCall
from providers.twilio.simulator.relay import RelayMessages, RelaySession

# What ``action`` gets about a session that failed.
UNREACHED = "64102: Unable to connect to WebSocket URL"
BROKEN_OFF = "64105: WebSocket ended"
LEFT_BY_TWILIO = (Ending.CALLER_LEFT, Ending.INTERRUPTED)
ATTRIBUTES = OPTIONS | {"url", "dtmfDetection", "events"}


def play_relay(call: TwilioCall, verb: ET.Element, noun: ET.Element, base: str) -> Document | None:
    """Run a session, and ask ``action`` how it goes on, however it ended."""
    if unknown := sorted(set(noun.attrib) - ATTRIBUTES):
        call.stage.problem(f"12200: <ConversationRelay> with {', '.join(unknown)}")
    session, error = _session(call, noun), ""
    try:
        call.open(session)
    except SocketRefused as refused:
        call.stage.timeline.add("media", str(refused))
        error, ending = UNREACHED, Ending.DROPPED
    else:
        call.tell_verdict()
        patience = call.time_limit or call.stage.config.timeout
        ending = perform(call.next_act(), session, call.stage, patience)
        call.stage.timeline.add("media", str(ending))
        error = "" if session.ended or ending in LEFT_BY_TWILIO else BROKEN_OFF
    call.stream = None
    if ending is Ending.CALLER_LEFT or session.expired:
        call.finish("completed")
    if call.is_redirected or not (action := verb.get("action")):
        return None
    outcome = _outcome(session, error, over=call.over.is_set())
    following = call.fetch(urljoin(base, action), verb.get("method", "POST"), outcome)
    return None if call.over.is_set() else following


def _session(call: TwilioCall, noun: ET.Element) -> RelaySession:
    url, config = noun.get("url", ""), call.stage.config
    parameters = {each.get("name", ""): each.get("value", "") for each in noun.iter("Parameter")}
    call.stage.call_id = parameters.get("callId", call.stage.call_id)
    names = RelayMessages(config.account_sid, call.sid, parameters, from_=call.from_, to=call.to)
    return RelaySession(
        url,
        call.stage.signer.handshake(url),
        config.speed,
        names,
        events=noun.get("events", ""),
        dtmf=noun.get("dtmfDetection") == "true",
    )


def _outcome(session: RelaySession, error: str, *, over: bool) -> dict[str, str]:
    """The parameters of ``action`` about the session."""
    status = "failed" if error else "completed" if over else "ended"
    told = {"SessionId": session.messages.sid, "SessionStatus": status, "SessionDuration": "5"}
    code, _, sentence = error.partition(": ")
    return told | ({"ErrorCode": code, "ErrorMessage": sentence} if error else {})
