"""Why calls end: every ended reason that events from outside can cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from patchbay_conformance.reasons import UNREACHABLE
from patchbay_conformance.row import Row, for_carriers
from patchbay_conformance.verdict import NotAsked, expect
from patchbay_conformance.world import World

MOST_SOCKETS = 8
LOST = {"twilio": "phone-call-provider-closed-websocket", "vonage": "vonage-disconnected"}
MAX_SECONDS = 10


class Ending(NamedTuple):
    """Events of the phone leg alone, and the reason they leave. ``by``: who ended a Vonage leg."""

    reason: str
    carrier: str
    words: tuple[str, ...]
    says: str
    by: str = ""


ENDINGS = (
    Ending("customer-busy", "twilio", ("announced", "ringing", "busy"), "busy"),
    Ending("customer-busy", "vonage", ("announced", "ringing", "busy", "completed"), "busy"),
    Ending("customer-did-not-answer", "twilio", ("announced", "ringing", "no-answer"), "no-answer"),
    Ending(
        "customer-did-not-answer",
        "vonage",
        ("announced", "ringing", "no-answer", "completed"),
        "timeout",
    ),
    Ending("twilio-failed-to-connect-call", "twilio", ("announced", "failed"), "failed"),
    Ending("vonage-failed-to-connect-call", "vonage", ("announced", "failed"), "failed"),
    Ending("vonage-rejected", "vonage", ("announced", "rejected"), "rejected"),
    Ending("manually-canceled", "twilio", ("announced", "ringing", "canceled"), "canceled"),
    Ending("manually-canceled", "vonage", ("announced", "ringing", "canceled"), "cancelled"),
    Ending(
        "unknown-error",
        "twilio",
        ("announced", "ringing", "completed"),
        "completed, never answered, no cause",
    ),
)


def by_events(row: Ending) -> Callable[[World], None]:
    def check(world: World) -> None:
        carrier = world.carrier(row.carrier)
        leg = carrier.new_leg()
        call = world.create(carrier, leg)
        world.say(carrier, call, leg, *row.words)
        world.ended(call, row.reason)

    return check


def hung_up(world: World, name: str) -> None:
    """The media socket's own words are enough where the flow keeps the leg's events."""
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    document = carrier.details(call)
    socket = world.connect(carrier, leg, document)
    world.status(call, "in-progress")
    socket.hang_up()
    if carrier.status_url(call):
        world.say(carrier, call, leg, "completed", disconnected_by="user")
    world.ended(call, "customer-ended-call")


def dropped(world: World) -> None:
    carrier = world.carrier("vonage")
    call, leg, _, socket = world.joined(carrier)
    socket.close()
    world.say(carrier, call, leg, "completed", disconnected_by="platform")
    world.ended(call, "vonage-disconnected")


def canceled(world: World, name: str) -> None:
    """By the client, in a live call."""
    call, _, _, socket = world.joined(world.carrier(name))
    answer = world.control(call, {"type": "end-call"})
    expect(answer.ok, f"the control message end-call was answered {answer}")
    expect(socket.until_closed(world.target.patience), "the media socket stays open")
    world.ended(call, "manually-canceled")


def lost(world: World, name: str) -> None:
    """The socket dies again and again. A server may reconnect, but not for ever."""
    carrier = world.carrier(name)
    call, leg, document, socket = world.joined(carrier)
    for _ in range(MOST_SOCKETS):
        socket.cut()
        if not document.continue_url:
            break
        body = world.tell(carrier, document.continue_url, carrier.closed(leg, document))
        following = carrier.document(body)
        if following is None:
            break
        document = following
        socket = world.connect(carrier, leg, document)
    else:
        expect(False, f"after {MOST_SOCKETS} lost sockets the leg still gets a new one")
    world.ended(call, LOST[name])


def voicemail(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    detection = {"provider": "twilio", "enabled": True}
    asked = world.assistant(voicemailDetection=detection)
    call = world.create(carrier, leg, assistant=asked)
    url = carrier.machine_url(call)
    expect(url, "the details ask for no machine detection, although the assistant does")
    world.say(carrier, call, leg, "announced", "ringing", "answered")
    world.tell(carrier, url, carrier.machine(leg))
    world.say(carrier, call, leg, "completed", disconnected_by="user")
    world.ended(call, "voicemail")


def too_long(world: World) -> None:
    carrier = world.carrier("twilio")
    call, _, _, socket = world.joined(carrier, maxDurationSeconds=MAX_SECONDS)
    expect(socket.until_closed(world.target.patience + MAX_SECONDS), "the media socket stays open")
    world.ended(call, "exceeded-max-duration")


def no_socket(world: World) -> None:
    """The stream's own callback says that the socket could not be opened."""
    carrier = world.carrier("twilio")
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    document = carrier.details(call)
    if not document.stream_url:
        raise NotAsked("the stream names no statusCallback")
    world.say(carrier, call, leg, "announced", "ringing", "answered")
    error = {"StreamEvent": "stream-error", "StreamError": "31920", "StreamSid": f"MZ{'e' * 32}"}
    names = {"AccountSid": carrier.arrival(leg, carrier.number)["AccountSid"], "CallSid": leg.ref}
    at = {"Timestamp": leg.at(None).isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    world.tell(carrier, document.stream_url, {**names, **error, **at})
    world.tell(carrier, document.continue_url, carrier.closed(leg, document))
    world.ended(call, "assistant-join-timed-out")


def never_joined(world: World, name: str) -> None:
    wait = world.target.join_seconds
    if not wait:
        raise NotAsked("--join-seconds: how long the server waits for the media socket")
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    world.say(carrier, call, leg, "announced", "ringing", "answered")
    world.ended(call, "assistant-join-timed-out", seconds=wait)


def never_came(world: World, name: str) -> None:
    wait = world.target.bypass_seconds
    if not wait:
        raise NotAsked("--bypass-seconds: how long the server waits for the leg")
    call = world.create(world.carrier(name))
    world.ended(call, "phone-call-provider-bypass-enabled-but-no-call-received", seconds=wait)


def unreachable(reason: str) -> Callable[[World], None]:
    def check(world: World) -> None:
        raise NotAsked(reason)

    return check


ROWS = [
    *(
        Row(
            f"ended.{row.reason}.{row.carrier}",
            f"{row.carrier}: {row.says}",
            "signed events",
            by_events(row),
        )
        for row in ENDINGS
    ),
    *for_carriers(
        "ended.customer-ended-call",
        "the caller hangs up: the stream stops",
        "the media socket alone, then the leg's end",
        hung_up,
    ),
    Row(
        "ended.vonage-disconnected.platform",
        "vonage: the platform ends the leg, and no one asked it to",
        "completed with disconnected_by platform",
        dropped,
    ),
    *for_carriers(
        "ended.manually-canceled.control",
        "the client ends the call",
        "monitor.controlUrl end-call",
        canceled,
    ),
    *for_carriers(
        "ended.socket-lost",
        "the media socket is lost more often than it is opened again",
        "the connection is cut, and the next document asked for",
        lost,
    ),
    *for_carriers("ended.voicemail", "a machine answers", "the carrier's verdict", voicemail),
    Row(
        "ended.exceeded-max-duration",
        "maxDurationSeconds are over",
        f"a media socket of {MAX_SECONDS} s",
        too_long,
    ),
    Row(
        "ended.assistant-join-timed-out.stream-error",
        "twilio: the media socket could not be opened",
        "the stream's callback with stream-error",
        no_socket,
    ),
    *for_carriers(
        "ended.assistant-join-timed-out",
        "the leg is up, and the media socket does not come",
        "signed events, no socket",
        never_joined,
    ),
    *for_carriers(
        "ended.no-call-received",
        "phone-call-provider-bypass-enabled-but-no-call-received",
        "POST /call, and no leg",
        never_came,
    ),
    *(
        Row(f"ended.{name}", ", ".join(reasons), "", unreachable(why))
        for name, (reasons, why) in UNREACHABLE.items()
    ),
]
