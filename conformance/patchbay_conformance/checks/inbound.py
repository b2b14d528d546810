"""Legs that the carrier brings to a number of the server: assistant-request, and what it leads to.

https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from patchbay_conformance.accounts import extra_number
from patchbay_conformance.carriers.base import Carrier, Leg
from patchbay_conformance.row import Row, for_carriers
from patchbay_conformance.verdict import NotAsked, expect, same
from patchbay_conformance.world import Call, World


class Asked(NamedTuple):
    """What the client's server answers to ``assistant-request``, and what ends the call."""

    reason: str
    id: str
    says: str
    status: int
    answer: Any


ANSWERS = (
    Asked(
        "assistant-request-returned-error", "error", "an error", 200, {"error": "We are closed."}
    ),
    Asked("assistant-request-returned-error", "500", "HTTP 500", 500, {}),
    Asked("assistant-request-returned-no-assistant", "nothing", "names no assistant", 200, {}),
    Asked(
        "assistant-request-returned-invalid-assistant",
        "invalid",
        "an assistant that is not valid",
        200,
        {"assistant": {"maxDurationSeconds": 1}},
    ),
    Asked(
        "assistant-not-found",
        "unknown",
        "an assistantId that does not exist",
        200,
        {"assistantId": str(uuid4())},
    ),
)


def arrival_url(world: World, carrier: Carrier) -> str:
    path = world.target.paths[carrier.name].arrival
    if not path:
        raise NotAsked(f"--{carrier.name}-arrival-path is empty: no webhook for a caller's leg")
    return world.target.public_url + path


def arrive(world: World, carrier: Carrier, leg: Leg, number: str) -> str:
    """A caller's leg comes to the number; the document that the server answers with."""
    return world.tell(carrier, arrival_url(world, carrier), carrier.arrival(leg, number))


def call_of(world: World, leg: Leg) -> Call:
    """The call that the leg became. Raises ``Failed`` unless it is one."""
    rows = world.api("GET", "/call?limit=100")
    found = [each for each in rows if each.get("phoneCallProviderId") == leg.ref]
    expect(len(found) == 1, f"the leg {leg.ref} became {len(found)} calls")
    path = f"/call/{found[0]['id']}"
    if path not in world.made:
        world.made.append(path)
    return dict(found[0])


def asked_number(
    world: World, carrier: Carrier, answer: Callable[[Mapping[str, Any]], tuple[int, Any]]
) -> str:
    """A number without an assistant, whose server is ours and answers so."""

    def reply(message: Mapping[str, Any]) -> tuple[int, Any]:
        return answer(message) if message.get("type") == "assistant-request" else (200, {})

    server = {"url": world.reply("request", reply)}
    return str(extra_number(world, carrier, server=server)["number"])


def answered(row: Asked) -> Callable[[World, str], None]:
    def check(world: World, name: str) -> None:
        carrier = world.carrier(name)
        arrival_url(world, carrier)
        number = asked_number(world, carrier, lambda _: (row.status, row.answer))
        leg = carrier.new_leg(inbound=True)
        body = arrive(world, carrier, leg, number)
        expect(
            carrier.document(body) is None, "the leg is connected, although there is no assistant"
        )
        world.ended(call_of(world, leg), row.reason)

    return check


def assistant_request(world: World, name: str) -> None:
    """The message has the call and the customer; the answer's assistant is connected."""
    carrier = world.carrier(name)
    arrival_url(world, carrier)
    asked: list[Mapping[str, Any]] = []

    def answer(message: Mapping[str, Any]) -> tuple[int, Any]:
        asked.append(message)
        return 200, {"assistant": world.assistant()}

    number = asked_number(world, carrier, answer)
    leg = carrier.new_leg(inbound=True)
    body = arrive(world, carrier, leg, number)
    expect(len(asked) == 1, f"assistant-request came {len(asked)} times")
    same(
        "customer.number of the message",
        (asked[0].get("customer") or {}).get("number"),
        leg.customer,
    )
    document = carrier.document(body)
    if document is None:
        expect(False, f"the answer's assistant is not connected: {body[:200]!r}")
        return
    call = call_of(world, leg)
    same("id of the message's call", (asked[0].get("call") or {}).get("id"), call["id"])
    same("type", call.get("type"), "inboundPhoneCall")
    socket = world.connect(carrier, leg, document)
    world.status(call, "in-progress")
    socket.hang_up()
    if url := world.target.paths[name].status:
        event = carrier.status(leg, "completed", disconnected_by="user")
        world.tell(carrier, world.target.public_url + url, event)
    world.ended(call, "customer-ended-call")


def destination(world: World, name: str) -> None:
    """The leg is connected to a phone, without an assistant."""
    carrier = world.carrier(name)
    arrival_url(world, carrier)
    there = {"type": "number", "number": world.target.transfer_to}
    number = asked_number(world, carrier, lambda _: (200, {"destination": there}))
    leg = carrier.new_leg(inbound=True)
    url = carrier.forward(arrive(world, carrier, leg, number))
    call = call_of(world, leg)
    for event in carrier.forwarded(leg, there["number"]):
        world.tell(carrier, url, event)
    if path := world.target.paths[name].status:
        event = carrier.status(leg, "completed", disconnected_by="user")
        world.tell(carrier, world.target.public_url + path, event)
    world.ended(call, "assistant-request-returned-forwarding-phone-number")


def no_assistant(world: World, name: str) -> None:
    """A number with neither an assistant nor a server."""
    carrier = world.carrier(name)
    arrival_url(world, carrier)
    number = str(extra_number(world, carrier)["number"])
    leg = carrier.new_leg(inbound=True)
    body = arrive(world, carrier, leg, number)
    expect(carrier.document(body) is None, "the leg is connected, although there is no assistant")
    call = call_of(world, leg)
    reasons = ("assistant-not-provided", "call-start-error-neither-assistant-nor-server-set")
    world.ended(call, *reasons)


def same_leg_twice(world: World, name: str) -> None:
    """The carrier repeats a webhook that it got no answer to."""
    carrier = world.carrier(name)
    arrival_url(world, carrier)
    stored = world.make("/assistant", world.assistant())
    number = str(extra_number(world, carrier, assistantId=stored["id"])["number"])
    leg = carrier.new_leg(inbound=True)
    bodies = [arrive(world, carrier, leg, number) for _ in range(2)]
    expect(carrier.document(bodies[0]) is not None, "the number's assistant is not connected")
    expect(carrier.document(bodies[1]) is not None, "the repetition is not connected")
    call_of(world, leg)


ROWS: list[Row] = [
    *for_carriers(
        "inbound.assistant-request",
        "a number without an assistant asks the server, and connects what it answers",
        "the carrier's webhook for a caller's leg",
        assistant_request,
    ),
    *(
        row
        for each in ANSWERS
        for row in for_carriers(
            f"ended.{each.reason}.{each.id}",
            f"the answer to assistant-request: {each.says}",
            "the carrier's webhook for a caller's leg",
            answered(each),
        )
    ),
    *for_carriers(
        "ended.assistant-request-returned-forwarding-phone-number",
        "the answer to assistant-request is a destination: the leg goes there",
        "the same, and the destination's outcome",
        destination,
    ),
    *for_carriers(
        "ended.assistant-not-provided",
        "a number with neither an assistant nor a server",
        "the carrier's webhook for a caller's leg",
        no_assistant,
    ),
    *for_carriers(
        "inbound.repeated",
        "a repeated webhook of the same leg makes one call",
        "the same webhook twice",
        same_leg_twice,
    ),
]
