"""Renders instructions as TwiML, and ``phoneCallProviderDetails``.

Every URL must be absolute: in bypass mode the flow's owner serves the document from another
address. No ``<Pause>`` keeps a leg open: after the stream, ``<Redirect>`` asks for the next
document. The markup is written as text: a tree of elements takes three times as long.
https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode, urlsplit, urlunsplit

from providers.base.instructions import (
    Answer,
    Brief,
    Connect,
    Details,
    Fetch,
    Forward,
    HangUp,
    Hold,
    Instruction,
    Join,
    Listen,
    MachineDetection,
    Park,
    Play,
    Refer,
    Return,
    Say,
    stream_id,
)
from providers.common import operator_twiml
from providers.common.e164 import E164
from providers.common.json_types import JsonDict
from providers.common.xml_text import NOT_XML
from providers.errors import BadRequest, Refused
from providers.twilio import relay
from providers.twilio.config import FLOW_HOST, REFER_QUERY

CONTENT_TYPE = "text/xml"
PROLOG = '<?xml version="1.0" encoding="UTF-8"?>'
# Characters of the REST parameter ``Twiml``, which may hold the document. Error 32018:
# https://www.twilio.com/docs/api/errors/32018
MAX_LENGTH = 4000
# Bytes of a document that Twilio fetches. Error 11750:
# https://www.twilio.com/docs/api/errors/11750
MAX_FETCHED = 65_536

# Connection overrides: three more tries, on 5xx and timeouts too. Without them one 500 loses the
# event.
#
# https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
RETRY = "#rc=3&rp=all"

STATUS_EVENTS = ("initiated", "ringing", "answered", "completed")

# Seconds, the largest ``timeLimit``. Twilio's default is four hours.
#
# https://www.twilio.com/docs/voice/twiml/dial#timelimit
MAX_FORWARD = 86_400

# Characters of all headers of a SIP URI.
MAX_SIP_HEADERS = 1024

_WHOLE_URL = re.compile("(https?|wss?)://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?/[!-~]*")
_SIP = re.compile(r"sips?:[^\s@]+@[^\s@]+", re.IGNORECASE)
_SPECIAL = re.compile("[&<>]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# A parser would read these line breaks and tabs as spaces.
_SPECIAL_IN_ATTRIBUTE = re.compile('[&<>"\r\n\t]')
_ESCAPES_IN_ATTRIBUTE = _ESCAPES | {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#09;"}
_DIGITS = re.compile(r"[0-9*#wW]{1,32}")


def answer(instructions: Sequence[Instruction]) -> Answer:
    """The document. Raises ``ValueError`` for URLs and destinations that Twilio cannot use."""
    return Answer(document(instructions).encode(), CONTENT_TYPE)


def document(instructions: Sequence[Instruction]) -> str:
    """The document as text. Twilio does not reach what follows a Connect, Forward or Park.

    Its length is measured as it is sent, escapes included. A text to speak is cut to what the other
    verbs leave. Raises ``ValueError`` if these alone are too long.
    """
    verbs = [_WRITERS[type(instruction)](instruction) for instruction in instructions]
    text = PROLOG + _element("Response", "".join(verbs))
    if any(isinstance(instruction, Brief) for instruction in instructions):
        return _fetched(text)
    if len(text) >= MAX_LENGTH:
        text = PROLOG + _element("Response", "".join(_cut(instructions, verbs)))
    if len(text) >= MAX_LENGTH:
        raise ValueError(
            f"the TwiML has {len(text)} characters; Twilio takes less than {MAX_LENGTH}"
        )
    return text


def _fetched(text: str) -> str:
    """A document that is never a parameter of the REST API. Raises ``ValueError``."""
    if (size := len(text.encode())) >= MAX_FETCHED:
        raise ValueError(f"the TwiML has {size} bytes; Twilio fetches less than {MAX_FETCHED}")
    return text


def details(details: Details) -> JsonDict:
    """Arguments of Twilio's create-call, spelt as its Node helper spells them.

    ``twiml`` is what a client serves in bypass mode. With the others it can dial with one request.
    https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
    """
    wanted = {
        "to": details.to,
        "from": details.from_,
        "twiml": document((details.connect,)),
        "statusCallback": retried(details.status_url),
        "statusCallbackEvent": list(STATUS_EVENTS),
        "statusCallbackMethod": "POST",
        **(detection(details.machine) if details.machine else {}),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def detection(machine: MachineDetection) -> JsonDict:
    """Asynchronous answering machine detection: the caller does not wait for the verdict.

    ``asyncAmd`` is a string. https://www.twilio.com/docs/voice/answering-machine-detection
    """
    wanted = {
        "machineDetection": "DetectMessageEnd" if machine.greeting else "Enable",
        "asyncAmd": "true",
        "asyncAmdStatusCallback": retried(machine.url),
        "asyncAmdStatusCallbackMethod": "POST",
        "machineDetectionTimeout": machine.timeout,
        "machineDetectionSpeechThreshold": machine.speech_threshold,
        "machineDetectionSpeechEndThreshold": machine.speech_end_threshold,
        "machineDetectionSilenceTimeout": machine.silence_timeout,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def acknowledge() -> Answer:
    """204 without a document. Twilio ignores TwiML in the answer to a status callback."""
    return Answer(b"", CONTENT_TYPE, 204)


def refusal(error: Exception, *, transient: bool = False) -> Answer:
    """403 for a refusal, 400 for a malformed request, 503 to have it sent again.

    The body tells a forger nothing.
    """
    if transient:
        return Answer(b"try again", "text/plain", 503)
    if isinstance(error, Refused):
        return Answer(b"refused", "text/plain", 403)
    if isinstance(error, BadRequest):
        return Answer(b"bad request", "text/plain", 400)
    return Answer(b"error", "text/plain", 500)


def retried(url: str) -> str:
    """A callback URL that Twilio tries again. Twilio reads the fragment and never sends it."""
    if "#" in url:
        raise ValueError("a callback URL has a fragment already")
    return absolute(url) + RETRY


def absolute(url: str, *schemes: str) -> str:
    """The URL itself.

    Raises ``ValueError`` unless it is absolute, of these schemes (http, https).
    """
    schemes = schemes or ("https", "http")
    if (whole := _WHOLE_URL.fullmatch(url)) and whole[1] in schemes:
        return url  # nearly every URL, found without splitting it
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"not an absolute URL of {' or '.join(schemes)}")
    if NOT_XML.search(url) or re.search(r"\s", url):
        raise ValueError("a URL holds spaces or control characters")
    return url


# ------------------------------------------------------------------ a writer per instruction


def _connect(connect: Connect) -> str:
    """Write ``<Connect>``. Twilio cuts the query off the stream's URL, so secrets go in its path.

    The stream is named after its token's digest, and its callbacks repeat the name.
    https://www.twilio.com/docs/voice/twiml/stream
    """
    media_url = absolute(connect.media_url, "wss", "ws")
    if "?" in media_url or "#" in media_url:
        raise ValueError("the media URL has a query or fragment, which Twilio drops")
    if connect.speech is not None:
        return _relay(connect, media_url, relay.attributes(connect.speech))
    stream = (
        f'<Stream url="{_attribute(media_url)}" name="{stream_id(media_url)}"'
        f' statusCallback="{_attribute(retried(connect.stream_url))}">'
        f'<Parameter name="callId" value="{_attribute(_clean(connect.call_id))}" /></Stream>'
    )
    return f"<Connect>{stream}</Connect>{_redirect(absolute(connect.continue_url))}"


def _relay(connect: Connect, media_url: str, attributes: Mapping[str, str]) -> str:
    """Write ``<ConversationRelay>``.

    Its ``action`` is asked for the next document however the session ends, with the error if there
    was one. No callback tells of the socket.
    https://www.twilio.com/docs/voice/twiml/connect/conversationrelay
    """
    given = {name: _clean(value) for name, value in attributes.items()}
    parameter = _element("Parameter", name="callId", value=_clean(connect.call_id))
    noun = _element("ConversationRelay", parameter, url=media_url, **given)
    return _element("Connect", noun, action=absolute(connect.continue_url), method="POST")


def _forward(forward: Forward) -> str:
    """Write ``<Dial>``. ``answerOnBridge`` lets an unanswered caller hear the ringing."""
    wanted = {
        "action": absolute(forward.outcome_url),
        "method": "POST",
        "answerOnBridge": "true",
        "timeout": str(forward.timeout),
        "timeLimit": str(min(forward.max_duration, MAX_FORWARD)),
        "callerId": _clean(forward.caller_id or ""),
    }
    given = {name: value for name, value in wanted.items() if value}
    return _element("Dial", _destination(forward), **given)


def _refer(refer: Refer) -> str:
    """Write ``<Refer>``. The party's device takes the headers from the URI, if it takes any.

    https://www.twilio.com/docs/voice/twiml/refer
    """
    if not _SIP.fullmatch(refer.destination):
        raise ValueError("Twilio refers a SIP leg to a SIP URI only")
    noun = _element("Sip", _text(_clean(sip(refer.destination, refer.sip_headers))))
    return _element(
        "Refer", noun, action=f"{absolute(refer.outcome_url)}?{REFER_QUERY}", method="POST"
    )


def _destination(forward: Forward) -> str:
    if _SIP.fullmatch(forward.destination) and not forward.extension:
        return _element("Sip", _text(_clean(sip(forward.destination, forward.sip_headers))))
    if not E164.fullmatch(forward.destination):
        raise ValueError("Twilio forwards to an E.164 number, or to a SIP URI without an extension")
    pressed = {"sendDigits": keys(forward.extension)} if forward.extension else {}
    return _element("Number", forward.destination, **pressed)


def sip(uri: str, headers: Mapping[str, str]) -> str:
    """A SIP URI with headers, which Twilio takes as its query. Raises ``ValueError``.

    https://www.twilio.com/docs/voice/twiml/sip#custom-headers
    """
    if not headers:
        return uri
    query = urlencode({name: _clean(value) for name, value in headers.items()}, quote_via=quote)
    if len(query) > MAX_SIP_HEADERS:
        raise ValueError(f"Twilio takes {MAX_SIP_HEADERS} characters of SIP headers")
    return f"{uri}?{query}"


def _park(hold: Park) -> str:
    """Write ``<Dial><Conference>`` for a leg that waits in it.

    The conference begins with the other leg, and the waiting one hears music until then.
    https://www.twilio.com/docs/voice/twiml/conference
    """
    music = {"waitUrl": absolute(hold.music_url), "waitMethod": "GET"} if hold.music_url else {}
    room = _element(
        "Conference",
        _text(_clean(hold.room)),
        beep="false",
        startConferenceOnEnter="false",
        endConferenceOnExit="true",
        **music,
        statusCallback=retried(hold.progress_url),
        statusCallbackEvent="join leave",
    )
    return _element("Dial", room, action=absolute(hold.outcome_url), method="POST")


def _join(join: Join) -> str:
    room = _element(
        "Conference",
        _text(_clean(join.room)),
        beep="false",
        startConferenceOnEnter="true",
        endConferenceOnExit="true",
    )
    return _element("Dial", room, timeLimit=str(min(join.max_duration, MAX_FORWARD)))


def _play(play: Play) -> str:
    return _element("Play", _text(absolute(play.url)))


def _listen(listen: Listen) -> str:
    """Write ``<Gather>``. Without a word Twilio goes on with the next verb.

    https://www.twilio.com/docs/voice/twiml/gather
    """
    given = {"input": "speech", "timeout": str(listen.seconds), "speechTimeout": "auto"}
    url = absolute(listen.url)
    return _element("Gather", **given, action=url, method="POST") + _element("Hangup")


def _brief(brief: Brief) -> str:
    """Write the verbs again, with our URL as the ``action`` of a ``<Gather>``.

    Without an answer Twilio goes on with the next verb.
    """
    url = absolute(brief.url)
    return "".join(_verb(verb, url) for verb in operator_twiml.parse(brief.twiml))


def _verb(verb: operator_twiml.Verb, url: str) -> str:
    content = verb.ssml or _text(_clean(verb.text))
    if verb.name == operator_twiml.GATHER:
        inside = "".join(_verb(each, url) for each in verb.inside)
        return _element(verb.name, inside, **verb.attributes, action=url, method="POST")
    return _element(verb.name, content, **verb.attributes)


def _fetch(fetch: Fetch) -> str:
    return _redirect(absolute(fetch.url))


def _return(back: Return) -> str:
    return _redirect(_merged(absolute(back.url), back.params))


def _say(say: Say) -> str:
    return _element("Say", _text(_clean(say.text)), **_spoken_in(say.language))


def _spoken_in(language: str) -> dict[str, str]:
    """The languages: https://www.twilio.com/docs/voice/twiml/say/text-speech"""
    return {"language": language} if language else {}


def _hold(hold: Hold) -> str:
    """Write ``<Play>``, then ``<Redirect>``, which also runs when no key was pressed.

    ``<Play loop="0">`` would never ask: the leg could not be called to its slot without the API.
    https://www.twilio.com/docs/voice/twiml/gather
    """
    next_url = absolute(hold.next_url)
    said = _say(Say(hold.text, hold.language)) if hold.text else ""
    heard = said + _element("Play", _text(absolute(hold.audio_url)))
    if hold.takes_key:
        asked = {"input": "dtmf", "numDigits": "1", "timeout": "1", "action": next_url}
        heard = _element("Gather", heard, **asked, method="POST")
    return heard + _redirect(next_url)


def _cut(instructions: Sequence[Instruction], verbs: Sequence[str]) -> Iterator[str]:
    """The verbs with their spoken texts shortened to the room that is left, the last ones first."""
    empty = [
        _element("Say", **_spoken_in(instruction.language)).replace(" />", "></Say>")
        if isinstance(instruction, Say)
        else verb
        for instruction, verb in zip(instructions, verbs, strict=True)
    ]
    room = MAX_LENGTH - 1 - len(PROLOG) - len("<Response></Response>") - len("".join(empty))
    for instruction, verb in zip(instructions, verbs, strict=True):
        if not isinstance(instruction, Say):
            yield verb
            continue
        text = _fitted(_clean(instruction.text), room)
        room -= len(text)
        yield _element("Say", text, **_spoken_in(instruction.language))


def _fitted(text: str, room: int) -> str:
    """The escaped text, cut between two words if it has more than ``room`` characters."""
    ends = list(accumulate(len(_ESCAPES.get(character, character)) for character in text))
    kept = text[: bisect_right(ends, room)]
    return _text(kept if kept == text else kept.rpartition(" ")[0] or kept)


def _hang_up(_: HangUp) -> str:
    return _element("Hangup")


_WRITERS: dict[type[Instruction], Callable[[Any], str]] = {
    Connect: _connect,
    Forward: _forward,
    Refer: _refer,
    Return: _return,
    Say: _say,
    Hold: _hold,
    HangUp: _hang_up,
    Park: _park,
    Join: _join,
    Play: _play,
    Listen: _listen,
    Brief: _brief,
    Fetch: _fetch,
}


def _redirect(url: str) -> str:
    return f'<Redirect method="POST">{_text(url)}</Redirect>'


def _element(tag: str, content: str = "", **attributes: str) -> str:
    """One element as text. ``content`` is markup: elements, or an escaped text."""
    values = [f' {name}="{_attribute(value)}"' for name, value in attributes.items()]
    start = tag + "".join(values)
    return f"<{start}>{content}</{tag}>" if content else f"<{start} />"


def _attribute(value: str) -> str:
    return _SPECIAL_IN_ATTRIBUTE.sub(lambda found: _ESCAPES_IN_ATTRIBUTE[found[0]], value)


def _text(value: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)


def _merged(url: str, params: Mapping[str, str]) -> str:
    """The URL with these parameters in its query.

    Its other parameters stay as they are, byte for byte. A Studio flow takes the call back only
    from a request with ``FlowEvent=return``.
    https://www.twilio.com/docs/studio/widget-library/twiml-redirect
    """
    parts = urlsplit(url)
    wanted = {_clean(name): _clean(value) for name, value in params.items()}
    if parts.hostname == FLOW_HOST:
        wanted["FlowEvent"] = "return"
    kept = [
        each
        for each in parts.query.split("&")
        if each and unquote_plus(each.partition("=")[0]) not in wanted
    ]
    query = "&".join([*kept, urlencode(wanted, quote_via=quote)]).strip("&")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))


def _clean(text: str) -> str:
    """Remove what XML 1.0 cannot hold: such a document ends the call (12100).

    https://www.twilio.com/docs/api/errors/12100
    """
    return NOT_XML.sub("", text)


def keys(extension: str) -> str:
    """The keys to press after the answer. Raises ``ValueError``."""
    if not _DIGITS.fullmatch(extension):
        raise ValueError("an extension is made of 0-9 * # and w (half a second)")
    return extension
