"""The statuses of a call, as its leg and its media socket go on."""

from __future__ import annotations

from patchbay_conformance.row import Row, for_carriers
from patchbay_conformance.verdict import NotAsked, expect, same
from patchbay_conformance.world import World


def progress(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    world.say(carrier, call, leg, "announced")
    same("status after the first event", world.call(call["id"]).get("status"), "queued")
    world.say(carrier, call, leg, "ringing")
    world.status(call, "ringing")
    world.say(carrier, call, leg, "answered")
    socket = world.connect(carrier, leg, carrier.details(call))
    talking = world.status(call, "in-progress")
    expect(talking.get("startedAt"), "a call in progress has no startedAt")
    same("phoneCallProviderId", talking.get("phoneCallProviderId"), leg.ref)
    socket.hang_up()
    world.say(carrier, call, leg, "completed", disconnected_by="user")
    ended = world.ended(call, "customer-ended-call")
    same("startedAt at the end", ended.get("startedAt"), talking.get("startedAt"))


def bare_socket(world: World, name: str) -> None:
    """A flow need not report the phone leg: TwiML is enough."""
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    socket = world.connect(carrier, leg, carrier.details(call))
    world.status(call, "in-progress")
    socket.close()


def sound(world: World, name: str) -> None:
    if world.target.is_silent:
        raise NotAsked("--silent: the assistant makes no sound")
    call, _, _, socket = world.joined(world.carrier(name))
    heard = socket.hears(world.target.patience)
    socket.close()
    expect(heard, f"the assistant of call {call['id']} made no sound")


def forwarding(world: World, name: str) -> None:
    """The whole transfer: the row about its ended reason reads the same call."""
    carrier = world.carrier(name)
    call, leg, document, socket = world.joined(carrier)
    there = {"type": "number", "number": world.target.transfer_to}
    answer = world.control(call, {"type": "transfer", "destination": there})
    if 400 <= answer.status < 500:
        socket.close()
        raise NotAsked(f"the server transfers no leg of this flow ({answer}); --transfer-to")
    expect(answer.ok, f"the control message transfer was answered {answer}")
    world.status(call, "forwarding")
    expect(socket.until_closed(world.target.patience), "the media socket stays open")
    expect(document.continue_url, "the document has no URL to ask for the next one")
    body = world.tell(carrier, document.continue_url, carrier.closed(leg, document))
    url = carrier.forward(body)
    for event in carrier.forwarded(leg, there["number"]):
        world.tell(carrier, url, event)
    if carrier.name == "vonage":
        world.say(carrier, call, leg, "completed", disconnected_by="user")
    ended = world.ended(call, "assistant-forwarded-call")
    same("forwardedPhoneNumber", ended.get("forwardedPhoneNumber"), there["number"])


ROWS: list[Row] = [
    *for_carriers(
        "status.progress",
        "queued, ringing, in-progress, ended; startedAt is when the assistant joined",
        "signed events of the leg, the media socket, the hang-up",
        progress,
    ),
    *for_carriers(
        "status.socket-alone",
        "the media socket alone makes a call in-progress",
        "the document's socket, without any event of the leg",
        bare_socket,
    ),
    *for_carriers(
        "status.sound",
        "the assistant is heard, in the carrier's audio format",
        "the media socket: loud sound is sent until sound comes back",
        sound,
    ),
    *for_carriers(
        "status.forwarding",
        "forwarding while the leg is connected to a number; then assistant-forwarded-call",
        "monitor.controlUrl transfer, the next document, its outcome",
        forwarding,
    ),
]
