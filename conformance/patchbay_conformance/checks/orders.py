"""Events out of order, twice and late: what a call becomes depends on the events alone.

Twilio: "events are fired in order, but may arrive in any order"; Vonage numbers nothing.
https://www.twilio.com/docs/voice/api/call-resource#statuscallback
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from patchbay_conformance.carriers.base import Carrier, Leg
from patchbay_conformance.row import Row, for_carriers
from patchbay_conformance.verdict import NotAsked, same
from patchbay_conformance.world import Call, World

WORDS = ("announced", "ringing", "answered", "busy", "completed")
BUSY = (0, 1, 3, 4)
"""Of a leg that was busy. Twilio has no ``completed`` after it."""
ORDERS, SEED = 4, 7
AT_ONCE = 8


def scripted(carrier: Carrier) -> tuple[int, ...]:
    return BUSY if carrier.name == "vonage" else BUSY[:-1]


def tell(world: World, carrier: Carrier, call: Call, leg: Leg, second: int) -> None:
    """The event of that second. The same second is the same event, byte for byte."""
    url = world.status_url(carrier, call)
    world.tell(carrier, url, carrier.status(leg, WORDS[second], second))


def play(world: World, name: str, order: Callable[[Sequence[int]], Sequence[int]]) -> None:
    """A busy leg, its events in this order."""
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    for second in order(scripted(carrier)):
        tell(world, carrier, call, leg, second)
    world.ended(call, "customer-busy")


def backwards(world: World, name: str) -> None:
    play(world, name, lambda seconds: seconds[::-1])


def twice(world: World, name: str) -> None:
    play(world, name, lambda seconds: [each for each in seconds for _ in range(2)])


def shuffled(world: World, name: str) -> None:
    shuffle = random.Random(SEED)  # noqa: S311
    for _ in range(ORDERS):
        play(world, name, lambda seconds: shuffle.sample(seconds, len(seconds)))


def all_at_once(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seconds = [*scripted(carrier)] * 2
        list(pool.map(lambda second: tell(world, carrier, call, leg, second), seconds))
    world.ended(call, "customer-busy")


def late(world: World, name: str) -> None:
    """An event of a leg that is over changes neither reason nor end."""
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    for second in scripted(carrier):
        tell(world, carrier, call, leg, second)
    before = world.ended(call, "customer-busy")
    if world.receiver is not None:
        world.report(call)
    for word, second in (("ringing", 1), ("no-answer", 9), ("failed", 9), ("completed", 9)):
        world.tell(carrier, world.status_url(carrier, call), carrier.status(leg, word, second))
    after = world.call(call["id"])
    for field in ("status", "endedReason", "endedAt"):
        same(field, after.get(field), before.get(field))


def never_back(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    tell(world, carrier, call, leg, 1)
    world.status(call, "ringing")
    tell(world, carrier, call, leg, 0)
    same("status after a late first event", world.call(call["id"]).get("status"), "ringing")


def unknown(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    world.say(carrier, call, leg, "ringing", "unknown")
    same("status after an unknown word", world.call(call["id"]).get("status"), "ringing")


def stranger(world: World, name: str) -> None:
    """Events of a leg that is no call of the server's: 2xx, or the carrier repeats them."""
    carrier = world.carrier(name)
    path = world.target.paths[name].status
    if not path:
        raise NotAsked(f"--{name}-status-path is empty: no webhook for a number's events")
    event = carrier.status(carrier.new_leg(inbound=True), "completed", 1)
    world.tell(carrier, world.target.public_url + path, event)


ROWS: list[Row] = [
    *for_carriers(
        "order.backwards",
        "events may arrive in any order: the last comes first",
        "the events of a busy leg, the last one first",
        backwards,
    ),
    *for_carriers(
        "order.shuffled",
        "events may arrive in any order",
        f"{ORDERS} orders of a busy leg's events",
        shuffled,
    ),
    *for_carriers(
        "order.twice",
        "events may arrive more than once",
        "each event twice",
        twice,
    ),
    *for_carriers(
        "order.at-once",
        "events may arrive at the same time",
        f"each event twice, over {AT_ONCE} connections",
        all_at_once,
    ),
    *for_carriers(
        "order.late",
        "ended is for good: later events change neither reason nor end",
        "four events after the end-of-call report",
        late,
    ),
    *for_carriers(
        "order.never-back",
        "a late event of an earlier step does not lead back",
        "ringing, then the event before it",
        never_back,
    ),
    *for_carriers(
        "order.unknown-word",
        "a word of the carrier's that is new is taken, and changes nothing",
        "an event with an unknown status",
        unknown,
    ),
    *for_carriers(
        "order.stranger",
        "an event of an unknown leg gets 2xx",
        "a signed event of no call",
        stranger,
    ),
]
