"""What must hold after a kill and a start: counted, and each a sum of faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from bench.crash.world import GaveUp, World

REPORT = "end-of-call-report"


@dataclass
class Faults:
    """Of one trial or of many. All 0 is right."""

    not_reached: int = 0
    """The process did not die at the fail-point."""
    lost: int = 0
    """Acknowledged callbacks that are not stored."""
    unknown: int = 0
    """Calls whose creation was acknowledged, and that are not there."""
    doubled: int = 0
    """Calls that were made, or phones that were rung, once too often."""
    stuck: int = 0
    """Calls and phones that are not over, and messages that are not delivered."""
    reports: int = 0
    """Calls without exactly one report, by the ids of messages."""
    repeats: int = 0
    """Messages that came more than twice, or more than one that came twice."""

    def add(self, other: Faults) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def total(self) -> int:
        return sum(getattr(self, each.name) for each in fields(self))

    def row(self) -> str:
        return " ".join(f"{getattr(self, each.name):>11}" for each in fields(self))

    def words(self) -> str:
        names = (each.name.replace("_", " ") for each in fields(self))
        return ", ".join(f"{getattr(self, each.replace(' ', '_'))} {each}" for each in names)

    @classmethod
    def head(cls) -> str:
        return " ".join(f"{each.name:>11}" for each in fields(cls))


def settled(world: World) -> list[Any]:
    """Every call, once all are over and told. Raises ``GaveUp``."""

    def calls() -> list[Any]:
        return list(world.api("GET", "/call?limit=100"))

    def over(found: list[Any]) -> bool:
        return bool(found) and all(call["status"] == "ended" for call in found)

    found = world.until(calls, over, "the calls end")
    for call in found:
        path = f"/call/{call['id']}/messages"
        world.until(
            lambda path=path: world.api("GET", path),  # type: ignore[misc]
            lambda told: (
                any(each["type"] == REPORT for each in told)
                and all(each["state"] == "delivered" for each in told)
            ),
            "the messages are delivered",
        )
    world.until(
        lambda: [leg.status for leg in world.legs if not leg.over.is_set()],
        lambda up: not up,
        "the phones are hung up",
    )
    return found


def check(world: World) -> tuple[Faults, str]:
    """The faults of a trial, and how its call ended."""
    faults = Faults()
    try:
        calls = settled(world)
    except GaveUp as error:
        faults.stuck += 1
        return faults, str(error)
    known = {call["id"] for call in calls}
    faults.unknown = len(set(world.journal.calls.values()) - known)
    rung = Counter(leg.to for leg in world.legs)  # an operator's phone is another one
    faults.doubled = len(calls) - 1 + sum(number - 1 for number in rung.values())
    stored = {(call["id"], word) for call in calls for word in _words(world, call["id"])}
    faults.lost = len({each for each in world.journal.webhooks if each[0] in known} - stored)
    came = Counter(_came(world))
    reports = Counter(call for call, kind, _ in came if kind == REPORT)
    faults.reports = sum(reports[call] != 1 for call in known)
    again = [number - 1 for number in came.values() if number > 1]
    faults.repeats = max(0, sum(again) - 1)
    return faults, ", ".join(str(call.get("endedReason")) for call in calls)


def _words(world: World, call_id: str) -> Iterator[str]:
    for event in world.api("GET", f"/call/{call_id}/events"):
        raw = event.get("raw") or {}
        yield str(raw.get("CallStatus") or raw.get("status"))


def _came(world: World) -> Iterator[tuple[str, str, str]]:
    """(call, type, id) of every whole message that came."""
    for request in list(world.receiver.requests):
        if len(request.body) != int(request.headers["content-length"]):
            continue  # the killed process sent a part of it
        message = json.loads(request.body)["message"]
        if message["type"] != "assistant-request":
            yield message["call"]["id"], message["type"], request.headers["webhook-id"]
