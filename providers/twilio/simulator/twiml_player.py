"""Runs a simulated call's TwiML: its verbs, its media streams, the redirect to the owner's flow.

It supports the verbs that the bridge writes. What a real Twilio would not run as meant is a problem
of the run. Examples are unknown verbs, invalid TwiML, and a stream URL with a query.
https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl, urljoin, urlsplit
from uuid import uuid4

from providers.simulation.caller import perform
from providers.simulation.media_socket import Ending, SocketRefused
from providers.simulation.music import hear
from providers.simulation.room import Source as Sound
from providers.simulation.stage import Callee
from providers.twilio.config import FLOW_HOST
from providers.twilio.simulator.call import GAVE_UP, SIP_CODES, Document, Source, TwilioCall
from providers.twilio.simulator.media import MediaStream
from providers.twilio.simulator.relay_player import play_relay

RING_SECONDS = 2.0
# How long a caller waits who hangs up then.
IMPATIENT_SECONDS = 0.5
GATHERED = ("Say", "Play", "Pause")
MAX_DOCUMENTS = 50
# Characters; the REST API refuses longer documents.
MAX_TWIML = 4000
# Bytes of a document that is fetched.
MAX_FETCHED = 65_536
# Twilio reports even an intended close by the server as an error.
STREAM_ERRORS = {
    Ending.BRIDGE_CLOSED: "31921: Stream - WebSocket - Close Error",
    Ending.DROPPED: "31903: Stream - WebSocket - Broken Pipe",
}


def arrive(call: TwilioCall, source: Source) -> None:
    """Run an inbound leg with the document of ``source``, which answers it."""
    call.stage.calls[call.sid] = call
    call.stage.timeline.add("caller", f"calls {call.to}")
    _run(call, source)


def dial(call: TwilioCall, source: Source, callee: Callee) -> None:
    """Run an outbound leg, as the REST API places it."""
    call.report("initiated")
    if callee.outcome == "failed":
        call.finish("failed")
        return
    call.ring()
    patience = None if callee.outcome == "rings" else RING_SECONDS * call.stage.config.speed
    if call.over.wait(patience):
        return
    if call.is_operator and (callee.machine or callee.outcome != "answered"):
        call.stage.moments.transfer_failed()
    if callee.outcome == "answered":
        call.pick_up()
        if call.detection is not None and not call.detection.url:
            call.answered_by = call.detection.verdict
        _run(call, source)
    else:
        call.finish(callee.outcome)


def _run(call: TwilioCall, source: Source) -> None:
    """Run documents until none follows; then hang up."""
    document, left = source(), MAX_DOCUMENTS
    call.pick_up()
    while document is not None and not call.over.is_set():
        if not left:
            call.stage.problem(f"more than {MAX_DOCUMENTS} documents in one call")
            break
        call.played = False
        document = _perform(call, document)
        left -= not call.played  # who waits may need many
    call.finish("completed")


def _perform(call: TwilioCall, document: Document) -> Document | None:
    """Run the verbs in order. Returns the document that takes over, if any."""
    for verb in _verbs(call, document):
        if verb.tag not in VERBS:
            call.stage.problem(f"12200: <{verb.tag}> is no verb this call can run")
            continue
        following = VERBS[verb.tag](call, verb, document.base)
        following = call.redirected() or following
        if following is not None or call.over.is_set():
            return following
    return None


def _verbs(call: TwilioCall, document: Document) -> Iterable[ET.Element]:
    text, most = document.text, MAX_FETCHED if document.base else MAX_TWIML
    try:
        root = ET.fromstring(text)  # noqa: S314 - the bridge's own answer
    except ET.ParseError as error:
        call.stage.problem(f"12100: not well-formed TwiML ({error})")
        return ()
    if root.tag != "Response" or len(text.encode()) > most:
        call.stage.problem(f"12100: not one <Response> of at most {most} characters")
        return ()
    return root


# ------------------------------------------------------------------ <Connect><Stream>


def _connect(call: TwilioCall, verb: ET.Element, base: str) -> Document | None:
    """Connect until the stream ends. After the caller has left, no further verb runs."""
    if (noun := verb.find("ConversationRelay")) is not None:
        return play_relay(call, verb, noun, base)
    noun = verb.find("Stream")
    if noun is None:
        call.stage.problem("<Connect> without <Stream>")
        return None
    stream = _stream(call, noun)
    try:
        call.open(stream)
    except SocketRefused as error:
        call.stage.problem(str(error))
        _report(call, noun, stream, "stream-error", f"31920: {error}")
        return None
    _report(call, noun, stream, "stream-started")
    call.tell_verdict()  # a real verdict takes seconds: the call is under way
    patience = call.time_limit or call.stage.config.timeout
    ending = perform(call.next_act(), stream, call.stage, patience, call.party)
    call.stream = None
    _report_end(call, noun, stream, ending)
    if ending is Ending.CALLER_LEFT or stream.expired:
        call.finish("completed")
    return None


def _stream(call: TwilioCall, noun: ET.Element) -> MediaStream:
    url, config = noun.get("url", ""), call.stage.config
    parameters = {each.get("name", ""): each.get("value", "") for each in noun.iter("Parameter")}
    call.stage.call_id = parameters.get("callId", call.stage.call_id)
    return MediaStream(
        url,
        call.stage.signer.handshake(url),
        config.speed,
        account_sid=config.account_sid,
        call_sid=call.sid,
        parameters=parameters,
    )


def _report_end(call: TwilioCall, noun: ET.Element, stream: MediaStream, ending: Ending) -> None:
    call.stage.timeline.add("media", str(ending))
    if ending in STREAM_ERRORS:
        _report(call, noun, stream, "stream-error", STREAM_ERRORS[ending])
    _report(call, noun, stream, "stream-stopped")


def _report(
    call: TwilioCall, noun: ET.Element, stream: MediaStream, event: str, error: str = ""
) -> None:
    """Send a stream status callback: ISO dates, no sequence number and no CallStatus."""
    if not (url := noun.get("statusCallback")):
        return
    params = {
        "AccountSid": call.stage.config.account_sid,
        "CallSid": call.sid,
        "StreamSid": stream.sid,
        "StreamName": noun.get("name", stream.sid),
        "StreamEvent": event,
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    errors = {"StreamError": error} if error else {}
    call.post(noun.get("statusCallbackMethod", "POST"), url, params | errors, event)


# ------------------------------------------------------------------ the other verbs


def _redirect(call: TwilioCall, verb: ET.Element, base: str) -> Document | None:
    """Redirect to the bridge, or to the owner's flow, which then only hangs up."""
    url = urljoin(base, (verb.text or "").strip())
    if call.stage.wire.knows(url):
        return call.fetch(url, verb.get("method", "POST"))
    params = dict(parse_qsl(urlsplit(url).query))
    if urlsplit(url).hostname == FLOW_HOST and params.get("FlowEvent") != "return":
        call.stage.problem("without FlowEvent=return Studio starts the flow anew")
    call.stage.took_back(params)
    call.finish("completed")
    return None


def _dial(call: TwilioCall, verb: ET.Element, base: str) -> Document | None:
    """Dial.

    The other party answers, talks and hangs up; or it is busy, unanswered, out of reach.
    """
    noun, word = next(iter(verb), verb), call.stage.destination_outcome
    if noun.tag == "Conference":
        return _conference(call, verb, noun, base)
    call.stage.timeline.add("caller", f"is connected to {(noun.text or '').strip()}: {word}")
    if not (action := verb.get("action")):
        return None
    outcome = {"DialCallSid": f"CA{uuid4().hex}", "DialCallStatus": word, "DialBridged": "false"}
    if word == "answered":
        outcome |= {"DialCallStatus": "completed", "DialCallDuration": "5", "DialBridged": "true"}
    if word == "canceled":
        call.finish("completed")  # the caller did not wait
    elif word != "answered":
        call.stage.moments.transfer_failed()
    return call.fetch(urljoin(base, action), verb.get("method", "POST"), outcome)


def _refer(call: TwilioCall, verb: ET.Element, base: str) -> Document | None:
    """The caller's device calls the SIP address, and tells what came of it."""
    noun, word = verb.find("Sip"), call.stage.destination_outcome
    if noun is None or not call.is_sip:
        call.stage.problem("<Refer> needs a <Sip>, and a leg that is SIP")
        return None
    call.stage.timeline.add("caller", f"calls {(noun.text or '').strip()} itself: {word}")
    answered = word == "answered"
    told = {
        "ReferCallStatus": "in-progress" if answered else word,
        "ReferSipResponseCode": "202",
        "NotifySipResponseCode": "200" if answered else SIP_CODES.get(word, GAVE_UP),
    }
    return call.fetch(urljoin(base, verb.get("action", base)), verb.get("method", "POST"), told)


def _conference(call: TwilioCall, verb: ET.Element, noun: ET.Element, base: str) -> Document | None:
    """A conference, which begins with the participant who does not wait.

    Its callback is that of the first participant. The first to leave ends it.
    https://www.twilio.com/docs/voice/twiml/conference
    """
    room, stage = call.stage.room((noun.text or "").strip()), call.stage
    room.report_url = room.report_url or noun.get("statusCallback", "")
    _report_room(call, room.report_url, noun, "participant-join")
    ear = stage.ears[call.party]
    if noun.get("startConferenceOnEnter", "true") == "true":
        stage.timeline.add("operator", "joins the caller")
        room.talk(ear, call.over.is_set, stage.config.speed)
    else:
        stage.timeline.add("caller", "waits in the conference")
        if stage.impatient and not room.begun.wait(IMPATIENT_SECONDS * stage.config.speed):
            stage.left = True
            call.finish("completed")
        room.wait(ear, lambda: call.over.is_set() or call.is_redirected, stage.config.speed)
    room.over.set()
    _report_room(call, room.report_url, noun, "participant-leave")
    if call.is_redirected or not (action := verb.get("action")):
        return None
    return call.fetch(
        urljoin(base, action), verb.get("method", "POST"), {"DialCallStatus": "answered"}
    )


def _report_room(call: TwilioCall, url: str, noun: ET.Element, event: str) -> None:
    """Send a conference status callback, which has few fields of the other requests."""
    if url:
        params = {
            "AccountSid": call.stage.config.account_sid,
            "CallSid": call.sid,
            "ConferenceSid": f"CF{uuid4().hex}",
            "FriendlyName": (noun.text or "").strip(),
            "StatusCallbackEvent": event,
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        call.post("POST", url, params, event)


def _say(call: TwilioCall, verb: ET.Element, base: str) -> None:
    call.stage.ears[call.party].hear(Sound.BRIEFING)
    call.stage.timeline.add(call.party, f"hears: {(verb.text or '').strip()}")


def _hear_speech(call: TwilioCall, verb: ET.Element, base: str) -> Document | None:
    """Hear the party say something, and ask what follows."""
    if verb.get("input") != "speech" or not verb.get("timeout", "5").isdecimal():
        call.stage.problem("12200: <Gather> with another input or timeout than speech has")
    call.stage.timeline.add("operator", "says: Hello?")
    told = {"SpeechResult": "Hello?", "Confidence": "0.9"}
    return call.fetch(urljoin(base, verb.get("action", base)), verb.get("method", "POST"), told)


def _play_file(call: TwilioCall, verb: ET.Element, base: str) -> None:
    call.stage.ears[call.party].hear(Sound.SIGNAL)
    call.stage.timeline.add(call.party, f"hears {(verb.text or '').strip()}")


def _play(call: TwilioCall, verb: ET.Element, base: str) -> None:
    """Play audio, unless something else comes: a key, the end, another document."""
    if call.is_operator:
        _play_file(call, verb, base)
        return
    call.played = True
    seconds = hear(call.stage, urljoin(base, (verb.text or "").strip()), call.sid)
    if call.stage.held.leaves:
        call.finish("completed")
    elif not call.stage.held.key:
        call.nudged.wait(seconds)


def _gather(call: TwilioCall, verb: ET.Element, base: str) -> Document | None:
    """Run the verbs inside; a key asks ``action``. Without one the next verb runs."""
    if call.is_operator and verb.get("input") == "speech":
        return _hear_speech(call, verb, base)
    for inside in verb:
        if inside.tag not in GATHERED:
            call.stage.problem(f"12200: <Gather> holds no <{inside.tag}>")
            continue
        VERBS[inside.tag](call, inside, base)
        if call.over.is_set() or call.is_redirected:
            return None
    stage, party = call.stage, "operator" if call.is_operator else "caller"
    key = stage.operator.key if call.is_operator else stage.held.key
    if not key or not (action := verb.get("action")):
        return None
    stage.timeline.add(party, f"presses {key}")
    return call.fetch(urljoin(base, action), verb.get("method", "POST"), {"Digits": key})


def _pause(call: TwilioCall, verb: ET.Element, base: str) -> None:
    seconds = verb.get("length", "1")
    if not seconds.isdecimal():
        call.stage.problem(f"12200: <Pause length={seconds!r}> is no number of seconds")
        return
    call.over.wait(int(seconds) * call.stage.config.speed)


def _hang_up(call: TwilioCall, verb: ET.Element, base: str) -> None:
    call.finish("completed")


VERBS: Mapping[str, Callable[[TwilioCall, ET.Element, str], Document | None]] = {
    "Connect": _connect,
    "Redirect": _redirect,
    "Dial": _dial,
    "Refer": _refer,
    "Say": _say,
    "Play": _play,
    "Gather": _gather,
    "Pause": _pause,
    "Hangup": _hang_up,
    "Reject": _hang_up,
}
