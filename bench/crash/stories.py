"""What happens in a trial: a call from its creation to its end, as its clients and carrier do it.

A story runs through the kill. Who gets no answer asks again, as clients and carriers do.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.crash.world import NotServedError, World
from providers.common.json_types import JsonObject
from providers.simulation.plays import TALKS as TRANSFER_ASSISTANT
from providers.simulation.stage import Callee
from providers.simulation.stage import CallerAction as Act
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.leg import target

WORDS: Mapping[str, tuple[str, ...]] = {
    "twilio": ("initiated", "ringing", "in-progress", "completed"),
    "vonage": ("started", "ringing", "answered", "completed"),
}
"""A call's callbacks, the last of which ends it."""


@dataclass(frozen=True, slots=True)
class Story:
    """``run`` plays it. ``with_``: fail-points that lead to the one of the trial."""

    run: Callable[[World], None]
    callee: Callee = field(default_factory=Callee)
    carriers: tuple[str, ...] = ("twilio", "vonage")
    with_: str = ""
    environ: tuple[tuple[str, str], ...] = ()


def _create(world: World, *, bypass: bool, **more: Any) -> Any:
    numbers = world.api("GET", "/phone-number")
    named = next(each["id"] for each in numbers if each["provider"] == world.carrier.name)
    body = {
        "phoneNumberId": named,
        "assistant": {"transport": {"provider": "echo"}},
        "customer": {"number": CUSTOMER},
        "phoneCallProviderBypassEnabled": bypass,
        **more,
    }
    call = world.api("POST", "/call", body, key="the only one")
    world.journal.calls["the only one"] = call["id"]
    return call


def _tell(world: World, call_id: str, path: str, fields: Mapping[str, str], word: str) -> None:
    """Send a carrier's callback until it is answered."""

    def send() -> None:
        status, _ = world.carrier.send(world.bridge, path, fields)
        if status >= 500:
            raise NotServedError(status)

    world.insist(send)
    world.journal.webhooks.add((call_id, word))


def bypass(world: World, pause_after: str | None = None) -> None:
    """A call of a flow: created, then followed by four callbacks."""
    call = _create(world, bypass=True)
    path = target(world.carrier.status_url(call["phoneCallProviderDetails"]))
    ref = world.carrier.new_ref()
    for second, word in enumerate(WORDS[world.carrier.name]):
        _tell(world, call["id"], path, world.carrier.status(ref, word, second), word)
        if word == pause_after:
            world.is_up_again.wait()


def quiet(world: World) -> None:
    """A call of a flow that goes quiet, so that its carrier is asked."""
    bypass(world, pause_after="ringing")


def unused(world: World) -> None:
    """A call of a flow whose leg never comes: a timer ends it."""
    _create(world, bypass=True)


def arrives(world: World) -> None:
    """A leg without an assistant: the client's server is asked for one."""
    ref = world.carrier.new_ref()
    arrival = world.carrier.arrival(ref)

    def arrive() -> None:
        status, _ = world.carrier.send(world.bridge, world.carrier.leg.ARRIVAL, arrival)
        if status >= 500:
            raise NotServedError(status)

    world.insist(arrive)
    (call,) = world.api("GET", "/call")
    ended = {**world.carrier.status(ref, "completed", 9), **arrival, "CallStatus": "completed"}
    _tell(world, call["id"], "/twilio/status", ended, "completed")


def dialled(world: World) -> None:
    """A call that is dialled, and whose phone does what its ``Callee`` says."""
    _create(world, bypass=False)


def scheduled(world: World) -> None:
    """A call that is dialled at its time, which is now."""
    _create(world, bypass=False, schedulePlan={"earliestAt": datetime.now(UTC).isoformat()})


def cancelled(world: World) -> None:
    """A call that is dialled, and ended by its client while it rings."""
    call = _create(world, bypass=False)
    path = f"/call/{call['id']}"
    world.until(lambda: world.api("GET", path)["status"], lambda s: s != "queued", "it rings")
    world.api("POST", f"{path}/control", {"type": "end-call"})


def stopped(world: World) -> None:
    """A call that is going on when its process is asked to stop."""
    call = _create(world, bypass=False)
    path = f"/call/{call['id']}"

    def status() -> str:
        return str(world.api("GET", path)["status"])

    world.until(status, lambda word: word == "in-progress", "it is answered")
    assert world.bridge.process is not None
    os.kill(world.bridge.process.pid, signal.SIGTERM)


SAYS: JsonObject = {
    "mode": "warm-transfer-say-message",
    "message": "A caller.",
    "dialTimeout": 5,
}


def transferred(world: World, plan: JsonObject = SAYS) -> None:
    """A caller who waits for an operator, and ends the call where none comes."""
    place = {"type": "number", "number": world.stage.config.destination, "transferPlan": plan}
    call = _create(world, bypass=False)
    path = f"/call/{call['id']}"

    def sockets() -> int:
        keys = [event["key"] for event in world.api("GET", f"{path}/events")]
        return sum(key.startswith("media.connected:") for key in keys)

    def is_back_or_over() -> bool:
        return sockets() > before or world.api("GET", path)["status"] == "ended"

    before = world.until(sockets, bool, "the assistant joins")
    body = {"type": "transfer", "destination": place, "content": "Please hold."}
    world.api("POST", f"{path}/control", body)
    world.until(is_back_or_over, bool, "the caller is with somebody")
    world.api("POST", f"{path}/control", {"type": "end-call"})


def transferred_in_vain(world: World) -> None:
    """The same; the operator is busy."""
    world.stage.operator = Callee("busy")
    transferred(world)


def talked(world: World) -> None:
    """The same; an assistant talks with the operator first, who takes the call."""
    world.stage.operator = Callee(acts=(Act.ACCEPT,))
    transferred(world, {**TRANSFER_ASSISTANT, "dialTimeout": 5})


def talked_in_vain(world: World) -> None:
    """The same; the operator's media socket dies."""
    world.stage.operator = Callee(acts=(Act.DROP,))
    transferred(world, {**TRANSFER_ASSISTANT, "dialTimeout": 5})


def transferred_to_nobody(world: World) -> None:
    """The same; the carrier does not dial the operator."""
    world.stage.operator = Callee(refused=True)
    transferred(world)


TALKS = Callee(acts=(Act.HANG_UP,))
WAITS = Callee(acts=(Act.STAY,))
STORIES: Mapping[str, Story] = {
    "create": Story(bypass),
    "callback": Story(bypass),
    "assistant-reply": Story(arrives, carriers=("twilio",)),
    "schedule": Story(scheduled, TALKS),
    "dial-note": Story(dialled, TALKS),
    "dial-request": Story(dialled, TALKS),
    "dial-answer": Story(dialled, TALKS),
    "dial-failure": Story(dialled, Callee(refused=True)),
    "operator-note": Story(transferred, WAITS),
    "operator-request": Story(transferred, WAITS),
    "operator-answer": Story(transferred, WAITS),
    "operator-failure": Story(transferred_to_nobody, WAITS),
    "operator-callback": Story(transferred, WAITS),
    "transfer-step": Story(transferred, WAITS, with_="operator-request.before:error"),
    "talk-joined": Story(talked, WAITS),
    "talk-end": Story(talked, WAITS),
    "talk-lost": Story(talked_in_vain, WAITS),
    "back-request": Story(transferred_in_vain, WAITS),
    "find-request": Story(dialled, TALKS, with_="dial-request.before:error"),
    "fetch-request": Story(quiet),
    "hang-up-request": Story(cancelled, Callee("rings")),
    "reconcile": Story(quiet),
    "timer": Story(unused, environ=(("BYPASS_TTL_SECONDS", "1"),)),
    "delivery-request": Story(bypass),
    "delivery-lease": Story(bypass),
    "delivery-result": Story(bypass),
    "media-claim": Story(dialled, TALKS),
    "media-joined": Story(dialled, TALKS),
    "media-stopped": Story(dialled, TALKS, carriers=("twilio",)),
    "media-lost": Story(dialled, Callee(acts=(Act.DROP, Act.HANG_UP))),
    "media-end": Story(dialled, Callee(acts=(Act.PRESS,))),
    "drain": Story(stopped, Callee(acts=(Act.STAY,))),
    "hand-over": Story(stopped, Callee(acts=(Act.STAY,))),
    "deregister": Story(stopped, Callee(acts=(Act.STAY,))),
}
"""The story that passes each step."""

ONLY_POSTGRESQL = {"delivery-lease.before-commit", "delivery-lease.after-commit"}
"""On SQLite one process delivers, and leases nothing."""
