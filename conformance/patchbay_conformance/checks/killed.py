"""The server is killed, and stopped, in mid-call: what it answered is so after the next start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patchbay_conformance.carriers.base import Carrier, Leg
from patchbay_conformance.process import ServerProcess
from patchbay_conformance.row import Phase, Row
from patchbay_conformance.verdict import expect, same
from patchbay_conformance.world import Call, World

AFTER_KILL = ("customer-ended-call", "phone-call-provider-closed-websocket", "server-shutdown")


@dataclass(frozen=True)
class Killed:
    """Calls of before the kill, which the next process has."""

    carrier: Carrier
    created: Call
    busy: Call
    talking: Call
    leg: Leg


def any_carrier(world: World) -> Carrier:
    """Twilio, or else Vonage."""
    found = next((c for c in world.carriers.values() if isinstance(c, Carrier)), None)
    return found or world.carrier("twilio")


def killed(world: World) -> Killed:
    """Kill it once, for all rows about it. Raises ``NotAsked``."""
    _ = world.started
    if "killed" not in world.kept:
        carrier = any_carrier(world)
        created = world.create(carrier)
        talking, leg, _, _ = world.joined(carrier)
        other = carrier.new_leg()
        busy = world.create(carrier, other)
        world.say(carrier, busy, other, "announced", "ringing", "busy")
        world.restart(ServerProcess.kill)
        world.kept["killed"] = Killed(carrier, created, busy, talking, leg)
    found: Killed = world.kept["killed"]
    return found


def callbacks(world: World) -> None:
    """The last event was answered with 2xx a moment before the kill."""
    after = killed(world)
    world.ended(after.busy, "customer-busy")
    if world.receiver is not None:
        report = world.report(after.busy)
        same("endedReason of the report", report.get("endedReason"), "customer-busy")


def creation(world: World) -> None:
    after = killed(world)
    found = world.call(after.created["id"])
    same("status", found.get("status"), "queued")
    document = after.carrier.details(found)
    leg = after.carrier.new_leg()
    socket = world.connect(after.carrier, leg, document)
    world.status(after.created, "in-progress")
    socket.close()


def mid_call(world: World) -> None:
    after = killed(world)
    found = world.call(after.talking["id"])
    expect(found.get("startedAt"), "the call in progress has lost its startedAt")
    world.say(after.carrier, after.talking, after.leg, "completed", disconnected_by="user")
    world.ended(after.talking, *AFTER_KILL)
    if world.receiver is not None:
        world.report(after.talking)


def stopped(world: World) -> None:
    """A deploy without another process to take the call."""
    _ = world.started
    call, _, _, _ = world.joined(any_carrier(world))
    world.restart(ServerProcess.stop)
    world.ended(call, "server-shutdown")
    if world.receiver is not None:
        world.report(call)


def alone(id: str, says: str, asked: str, check: Callable[[World], None]) -> Row:
    return Row(id, says, asked, check, Phase.ALONE)


ROWS = [
    alone(
        "killed.callback",
        "an event that was answered with 2xx counts after kill -9; its report comes",
        "a busy leg, kill -9, start",
        callbacks,
    ),
    alone(
        "killed.created",
        "a call that was answered with 201 is there after kill -9; its document works",
        "POST /call, kill -9, start, the media socket",
        creation,
    ),
    alone(
        "killed.mid-call",
        "a call in progress ends after kill -9, with its report",
        "a media socket, kill -9, start, the leg's end",
        mid_call,
    ),
    alone(
        "ended.server-shutdown",
        "the process stops in mid-call, and no other takes the call over",
        "a media socket, SIGTERM, start",
        stopped,
    ),
]
