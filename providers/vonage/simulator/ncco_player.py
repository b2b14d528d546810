"""Runs a simulated call's NCCO: actions, websocket legs, and the responses to their events.

Every action is checked as a real Vonage checks it. An invalid one is a problem of the run and drops
the call. The call ends after the last action, because none hangs up.
https://developer.vonage.com/en/voice/voice-api/ncco-reference
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.caller import perform
from providers.simulation.media_socket import Ending, SocketRefused
from providers.simulation.music import hear
from providers.simulation.room import Source as Sound
from providers.simulation.stage import Callee
from providers.vonage.simulator.call import (
    OUTBOUND,
    PLATFORM,
    USER,
    Call,
    EventUrl,
    Leg,
    Ncco,
    Source,
    iso,
)
from providers.vonage.simulator.media import AUDIO, VonageSocket

Action = JsonObject

RING_SECONDS = 2.0
# How long a caller waits who hangs up then.
IMPATIENT_SECONDS = 0.5
MAX_ACTIONS = 50
# Actions of a leg that waits.
OF_HELD = ("stream", "input", "notify")
# Bytes of a websocket endpoint's headers as JSON.
MAX_HEADERS = 512
MAX_TALK = 1500
MAX_CHANNELS = 32
# Of the ends before an answer, the one that no ``completed`` follows.
NO_COMPLETED = "rejected"


class NccoError(Exception):
    """Vonage would not run this. ``str()`` is in its words."""


def arrive(call: Call, source: Source) -> None:
    """Run an inbound leg. The first NCCO answers it."""
    call.stage.timeline.add("caller", f"calls {call.leg.to}")
    call.stage.legs[call.leg.uuid] = call.leg
    call.leg.happen("started")
    call.leg.happen("ringing")
    ncco = source()
    if ncco is not None:
        call.leg.answered()
        run(call, ncco)
    call.leg.complete(PLATFORM)


def dial(call: Call, source: Source, callee: Callee) -> None:
    """Run an outbound leg, as the REST API places it."""
    call.leg.happen("started")
    call.leg.happen("ringing")
    call.rings.set()
    speed = call.stage.config.speed
    patience = None if callee.outcome == "rings" else RING_SECONDS * speed
    if call.leg.over.wait(patience):
        return
    if callee.outcome != "answered":
        if call.party == "operator":
            call.stage.moments.transfer_failed()
        call.leg.happen(callee.outcome)
        if callee.outcome != NO_COMPLETED:
            call.leg.complete(USER)
        return
    call.leg.answered()
    run(call, source() or [])
    call.leg.complete(PLATFORM)


def run(call: Call, ncco: Ncco) -> None:
    """Run the actions in order. An event's response may replace the remaining ones."""
    left, patience = list(ncco), MAX_ACTIONS
    while left and not call.leg.over.is_set():
        if not patience:
            call.stage.problem(f"more than {MAX_ACTIONS} actions in one call")
            return
        action, left = left[0], left[1:]
        patience -= action.get("action") not in OF_HELD  # who waits may need many
        try:
            _check_next(action, left)
            following = _perform(call, action)
        except NccoError as error:
            call.stage.problem(str(error))
            return
        redirected, call.leg.redirected = call.leg.redirected, None
        if redirected is not None:
            call.nudged.clear()
        left = next((each for each in (redirected, following) if each is not None), left)


def _check_next(action: Action, left: Ncco) -> None:
    """With ``bargeIn`` the next action has to be an input. Raises ``NccoError``."""
    if action.get("bargeIn") and (not left or left[0].get("action") != "input"):
        raise NccoError("Syntax error in NCCO. bargeIn: the next action must be input.")


def _perform(call: Call, action: Action) -> Ncco | None:
    """Run one action. Returns the NCCO that replaces the rest, if any. Raises ``NccoError``."""
    name = action.get("action")
    if not isinstance(name, str) or name not in ACTIONS:
        raise NccoError("Syntax error in NCCO. Invalid value type or action.")
    return ACTIONS[name](call, action)


# ------------------------------------------------------------------ connect


def _connect(call: Call, action: Action) -> Ncco | None:
    endpoint = checked_endpoint(action)
    url = event_url(action) or call.leg.events.url
    events = EventUrl(url, action.get("eventMethod", "POST"))
    if endpoint["type"] != "websocket":
        return _forward(call, endpoint, events)
    media = _media_leg(call, action, endpoint, events)
    media.happen("started")
    media.happen("ringing")
    try:
        socket = _open(call, media, endpoint)
    except SocketRefused as error:
        return _refused(call, media, error)
    media.answered()
    call.tell_verdict()  # a real verdict takes seconds: the call is under way
    patience = call.time_limit or call.stage.config.timeout
    ending = perform(call.next_act(), socket, call.stage, patience, call.party)
    call.media = None
    call.stage.timeline.add("media", str(ending))
    return _after(call, media, ending)


def _media_leg(call: Call, action: Action, endpoint: Action, events: EventUrl) -> Leg:
    headers = endpoint.get("headers", {})
    call.stage.call_id = headers.get("callId", call.stage.call_id)
    label = str(action.get("from", call.leg.from_))
    uri = endpoint["uri"]
    leg = Leg(call.stage, call.leg.conversation, label, uri, OUTBOUND, events, headers=headers)
    call.stage.legs[leg.uuid] = leg
    return leg


def _open(call: Call, media: Leg, endpoint: Action) -> VonageSocket:
    """Raises ``SocketRefused``."""
    wants_token = endpoint.get("authorization") == {"type": "vonage"}
    headers = call.stage.signer.handshake(media.to) if wants_token else {}
    socket = media.socket = VonageSocket(
        media.to,
        headers,
        call.stage.config.speed,
        content_type=endpoint["content-type"],
        own_headers=media.headers,
    )
    call.media = media
    socket.open()
    if call.leg.over.is_set() or call.leg.redirected is not None:
        socket.interrupt()  # decided while it was opened
    call.stage.held.join(call.leg.conversation)
    call.stage.timeline.add(call.stage.outbound, f"media open {urlsplit(media.to).path}")
    return socket


def _refused(call: Call, media: Leg, error: SocketRefused) -> Ncco | None:
    call.stage.problem(str(error))
    following = call.read(media.ask("failed"))
    media.complete(PLATFORM)
    return following


def _after(call: Call, media: Leg, ending: Ending) -> Ncco | None:
    """End the media leg. Only an unplanned end asks for the next NCCO."""
    if ending is Ending.CALLER_LEFT:
        call.leg.complete(USER)
    if ending in (Ending.CALLER_LEFT, Ending.INTERRUPTED):
        media.complete(PLATFORM)
        if media.socket is not None and media.socket.expired:
            call.leg.complete(PLATFORM)
        return None
    following = call.read(media.ask("disconnected"))
    media.complete(USER)  # on this leg the user is the bridge
    return following


def _forward(call: Call, endpoint: Action, events: EventUrl) -> Ncco | None:
    """Connect a destination: it answers and hangs up, or asks for the next NCCO."""
    to, word = str(endpoint.get("number") or endpoint.get("uri")), call.stage.destination_outcome
    call.stage.timeline.add("caller", f"is connected to {to}: {word}")
    leg = Leg(call.stage, call.leg.conversation, call.leg.to, to, OUTBOUND, events)
    for status in ("started", "ringing"):
        leg.happen(status)
    if word == "answered":
        leg.answered()
        leg.complete(USER)
        return None
    if word == "cancelled":
        call.leg.complete(USER)  # the caller did not wait
    else:
        call.stage.moments.transfer_failed()
    following = call.read(leg.ask(word))
    if word != NO_COMPLETED:
        leg.complete(USER)
    return following


def checked_endpoint(action: Action) -> Action:
    """The one endpoint of a connect. Raises ``NccoError``."""
    endpoints = action.get("endpoint")
    if not isinstance(endpoints, list) or len(endpoints) != 1:
        raise NccoError("Syntax error in NCCO. connect: endpoint must be an array of one.")
    endpoint: Action = endpoints[0] if isinstance(endpoints[0], dict) else {}
    if endpoint.get("type") not in ("phone", "sip", "websocket", "app", "vbc"):
        raise NccoError("Syntax error in NCCO. connect: invalid endpoint type.")
    if endpoint["type"] == "phone" and not str(endpoint.get("number", "")).isdigit():
        raise NccoError("Syntax error in NCCO. connect: a number is digits only.")
    if endpoint["type"] == "websocket":
        _check_websocket(endpoint)
    return endpoint


def _check_websocket(endpoint: Action) -> None:
    uri, headers = str(endpoint.get("uri", "")), endpoint.get("headers", {})
    if not uri.startswith(("wss://", "ws://")):
        raise NccoError("Syntax error in NCCO. connect: websocket uri must be ws:// or wss://.")
    if not AUDIO.fullmatch(str(endpoint.get("content-type", ""))):
        raise NccoError("Syntax error in NCCO. connect: invalid websocket content-type.")
    if not isinstance(headers, dict) or len(json.dumps(headers).encode()) > MAX_HEADERS:
        raise NccoError("Syntax error in NCCO. connect: headers exceed 512 bytes.")


def event_url(action: Action) -> str | None:
    """The action's own event URL: an array of one. Raises ``NccoError``."""
    urls = action.get("eventUrl")
    if urls is None:
        return None
    if not isinstance(urls, list) or len(urls) != 1 or not str(urls[0]).startswith("http"):
        raise NccoError("Syntax error in NCCO. eventUrl must be an array of one URL.")
    return str(urls[0])


# ------------------------------------------------------------------ the other actions


def _notify(call: Call, action: Action) -> Ncco | None:
    """Notify the bridge, or the owner's flow, whose response leaves the NCCO as it is."""
    url, payload = event_url(action), action.get("payload")
    if url is None or not isinstance(payload, dict):
        raise NccoError("Syntax error in NCCO. notify: payload and eventUrl are required.")
    if not call.stage.wire.knows(url):
        call.stage.took_back({str(name): str(value) for name, value in payload.items()})
        return None
    return _next(call, action, url, {"payload": payload})


def _input(call: Call, action: Action) -> Ncco | None:
    """Send the pressed key, or that none was. The response is the next NCCO."""
    if call.party == "operator" and action.get("type") == ["speech"]:
        return _hear_speech(call, action)
    url, dtmf = event_url(action), action.get("dtmf", {})
    if url is None or action.get("type") != ["dtmf"] or not 0 <= dtmf.get("timeOut", 3) <= 10:
        raise NccoError("Syntax error in NCCO. input: type dtmf, timeOut and eventUrl.")
    stage = call.stage
    key = stage.operator.key if call.party == "operator" else stage.held.key
    if key:
        stage.timeline.add(call.party, f"presses {key}")
    event = {
        "dtmf": {"digits": key, "timed_out": not key},
        "from": call.leg.from_,
        "to": call.leg.to,
        "uuid": call.leg.uuid,
    }
    return _next(call, action, url, event)


def _stream(call: Call, action: Action) -> None:
    """Play audio, unless something else comes: a key, the end, another NCCO."""
    if call.party == "operator":
        _stream_file(call, action)
        return
    urls = action.get("streamUrl")
    if not isinstance(urls, list) or len(urls) != 1:
        raise NccoError("Syntax error in NCCO. stream: streamUrl must be an array of one URL.")
    seconds = hear(call.stage, str(urls[0]), call.leg.conversation)
    if call.stage.held.leaves:
        call.leg.complete(USER)
    elif not call.stage.held.key:
        call.nudged.wait(seconds)


def _talk(call: Call, action: Action) -> None:
    text = action.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TALK:
        raise NccoError("Syntax error in NCCO. talk: text of at most 1500 characters.")
    call.tell_verdict(wait=True)  # it comes while the text is being spoken
    call.spoken.append(text)
    call.stage.ears[call.party].hear(Sound.BRIEFING)
    call.stage.timeline.add(call.party, f"hears: {text}")


def _hear_speech(call: Call, action: Action) -> Ncco | None:
    """Hear the party say something. Raises ``NccoError``."""
    url, speech = event_url(action), action.get("speech", {})
    if action.get("type") != ["speech"] or not 1 <= speech.get("startTimeout", 10) <= 60:
        raise NccoError("Syntax error in NCCO. input: type of speech, startTimeout of 1 to 60.")
    if url is None:
        raise NccoError("Syntax error in NCCO. input: eventUrl is required here.")
    call.stage.timeline.add(call.party, "says: Hello?")
    event = {
        "speech": {
            "timeout_reason": "end_on_silence_timeout",
            "results": [{"confidence": "0.9", "text": "Hello?"}],
        },
        "dtmf": {"digits": None, "timed_out": False},
        "uuid": call.leg.uuid,
    }
    return _next(call, action, url, event)


def _next(call: Call, action: Action, url: str, fields: JsonDict) -> Ncco | None:
    """Send an action's event. The response is the next NCCO."""
    event = {
        **fields,
        "conversation_uuid": call.leg.conversation,
        "timestamp": iso(datetime.now(UTC)),
    }
    method, kind = str(action.get("eventMethod", "POST")), str(action["action"])
    return call.read(call.stage.courier.ask(call.stage.prepare(method, url, event, kind)))


def _stream_file(call: Call, action: Action) -> None:
    urls = action.get("streamUrl")
    if not isinstance(urls, list) or len(urls) != 1 or not str(urls[0]).startswith("http"):
        raise NccoError("Syntax error in NCCO. stream: streamUrl must be an array of one URL.")
    call.stage.ears[call.party].hear(Sound.SIGNAL)
    call.stage.timeline.add(call.party, f"hears {urls[0]}")


def _conversation(call: Call, action: Action) -> None:
    """A named conversation, which begins with its moderator. Raises ``NccoError``."""
    name, stage = action.get("name"), call.stage
    if not isinstance(name, str) or not name:
        raise NccoError("Syntax error in NCCO. conversation: name is required.")
    music = action.get("musicOnHoldUrl", ["https://vonage.example/music.mp3"])
    if not isinstance(music, list) or len(music) != 1:
        raise NccoError(
            "Syntax error in NCCO. conversation: musicOnHoldUrl must be an array of one."
        )
    room = stage.room(name)
    call.leg.moved(f"CON-{uuid5(NAMESPACE_URL, name)}")
    if action.get("startOnEnter", True):
        stage.timeline.add("operator", "joins the caller")
        room.talk(stage.ears[call.party], call.over.is_set, stage.config.speed)
    else:
        stage.timeline.add("caller", "waits in the conversation")
        if stage.impatient and not room.begun.wait(IMPATIENT_SECONDS * stage.config.speed):
            stage.left = True
            call.leg.complete(USER)
        gone = partial(_is_elsewhere, call.leg)
        room.wait(stage.ears[call.party], gone, stage.config.speed)
    if action.get("endOnExit", False) or call.over.is_set():
        room.over.set()


def _is_elsewhere(leg: Leg) -> bool:
    return leg.over.is_set() or leg.redirected is not None


def _wait(call: Call, action: Action) -> None:
    seconds = action.get("timeout", 10)
    if not isinstance(seconds, int | float) or not 0.1 <= seconds <= 7200:
        raise NccoError("Syntax error in NCCO. wait: timeout of 0.1 to 7200 seconds.")
    call.leg.over.wait(seconds * call.stage.config.speed)


def _record(call: Call, action: Action) -> None:
    """Record beside later actions; report when the call is over. Raises ``NccoError``."""
    channels = action.get("channels", 1)
    if action.get("format", "mp3") not in ("mp3", "wav", "ogg"):
        raise NccoError("Syntax error in NCCO. record: format must be mp3, wav or ogg.")
    if not isinstance(channels, int) or not 1 <= channels <= MAX_CHANNELS:
        raise NccoError("Syntax error in NCCO. record: 1 to 32 channels.")
    if channels > 1 and action.get("split") != "conversation":
        raise NccoError("Syntax error in NCCO. record: channels need split conversation.")
    url = event_url(action) or call.leg.events.url
    call.recordings.append(EventUrl(url, str(action.get("eventMethod", "POST"))))
    call.stage.recording.set()


ACTIONS: Mapping[str, Callable[[Call, Action], Ncco | None]] = {
    "connect": _connect,
    "record": _record,
    "notify": _notify,
    "talk": _talk,
    "conversation": _conversation,
    "input": _input,
    "stream": _stream,
    "wait": _wait,
}
