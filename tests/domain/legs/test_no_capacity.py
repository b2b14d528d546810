"""Sockets a process has no room for, and calls that a stopping process leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.calls.schedule import LOST, SETTLE
from app.domain.cluster import ProcessRegistry
from app.domain.legs.reattach import BUDGETS, Budget, Cause
from app.domain.services.media import NoCapacity
from providers.base.instructions import stream_id
from providers.errors import Refused
from providers.events import EndedReason
from tests.domain.live_call import Live, call_of, claim_stream, join, kinds, read
from tests.domain.timers import fire
from tests.fakes.carriers.leg import Document, Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.carriers.vonage import VonageLeg
from tests.routes.api import Api

SHUTDOWN = EndedReason.SERVER_SHUTDOWN
FAULTS = BUDGETS[Cause.FAULT].attempts


@pytest.fixture
def registry(app: Flask) -> ProcessRegistry:
    found: ProcessRegistry = app.extensions["patchbay"].context.presence
    return found


def turned_away(leg: Leg, document: Document) -> None:
    """The handshake is refused with 503, of which the carrier tells as it does."""
    with pytest.raises(NoCapacity):
        claim_stream(leg, document)
    if isinstance(leg, TwilioLeg):
        name = stream_id(document.media_url)
        event = {"StreamEvent": "stream-error", "StreamName": name}
        said = leg.post(document.stream_url, event)
        assert said.status_code in (200, 204)


def again(leg: Leg, document: Document, turn: int) -> Any:
    """Twilio goes past its markup; Vonage says that it could not connect, and takes an answer."""
    if isinstance(leg, VonageLeg):
        return leg.socket("failed", document, turn)
    return leg.ask(document, turn)


def test_a_leg_that_finds_no_room_is_given_another_chance(
    api: Api, leg: Leg, registry: ProcessRegistry
) -> None:
    document = read(leg, leg.arrive())
    registry.draining = True
    turned_away(leg, document)
    fresh = read(leg, again(leg, document, 1))
    assert fresh.media_url != document.media_url
    registry.draining = False
    join(leg, fresh)
    assert call_of(api, leg)["status"] == "in-progress"


def test_a_socket_that_was_turned_away_may_come_again(leg: Leg, registry: ProcessRegistry) -> None:
    """Its token was not used."""
    document = read(leg, leg.arrive())
    registry.draining = True
    turned_away(leg, document)
    registry.draining = False
    join(leg, document)


def test_where_nobody_has_room_no_server_is_available(
    api: Api, leg: Leg, registry: ProcessRegistry
) -> None:
    document = read(leg, leg.arrive())
    registry.draining = True
    for turn in range(1, FAULTS + 1):
        turned_away(leg, document)
        document = read(leg, again(leg, document, turn))
    turned_away(leg, document)
    assert leg.read(again(leg, document, FAULTS + 1).text) is None
    assert call_of(api, leg)["endedReason"] == "no-server-available"


def test_a_lost_leg_that_finds_no_room_is_given_another_chance(
    live: Live, registry: ProcessRegistry
) -> None:
    live.lose()
    document = read(live.leg, live.leg.ask(live.document, 1))
    registry.draining = True
    turned_away(live.leg, document)
    registry.draining = False
    live.claim = join(live.leg, read(live.leg, again(live.leg, document, 2)))
    assert live.status == "in-progress"


def test_a_carrier_that_really_fails_is_not_asked_again(api: Api, leg: Leg) -> None:
    document = read(leg, leg.arrive())
    answer = again(leg, document, 1)
    assert leg.read(answer.text) is None
    assert "media.reattached" not in kinds(api, call_of(api, leg)["id"])


def test_only_who_signs_is_told_that_there_is_no_room(leg: Leg, registry: ProcessRegistry) -> None:
    document = read(leg, leg.arrive())
    registry.draining = True
    stranger = leg.same(leg.account, "another secret of another account")
    with pytest.raises(Refused):
        claim_stream(stranger, document)


# ------------------------------------------------------------------ MAX_CALLS_PER_PROCESS


@pytest.mark.parametrize(
    ("changes", "backend", "room"),
    [
        ({"max_calls_per_process": 2}, "local", 2),
        ({"max_calls_per_process": 0}, "local", 99),  # no limit
        ({"max_calls_per_process": 2}, "echo", 99),  # no work worth counting
        ({"serve_media": False}, "echo", 0),
        ({"media_urls": ("https://a.example", "https://b.example")}, "echo", 0),  # it is neither
    ],
)
def test_so_many_are_let_in(app: Flask, changes: Any, backend: str, room: int) -> None:
    ours = app.extensions["patchbay"].context.settings
    presence = ProcessRegistry(replace(ours, **changes))
    let_in = [presence.acquire(backend) for _ in range(99)].count(None)
    assert let_in == room


def test_who_leaves_makes_room(app: Flask) -> None:
    ours = app.extensions["patchbay"].context.settings
    presence = ProcessRegistry(replace(ours, max_calls_per_process=1))
    assert [presence.acquire("local"), presence.acquire("local")] == [None, "full"]
    assert presence.full
    presence.release("local")
    assert presence.acquire("local") is None


def test_a_socket_that_is_refused_keeps_no_seat(leg: Leg, registry: ProcessRegistry) -> None:
    """Of two with one token the second one is not let in."""
    document = read(leg, leg.arrive())
    registry.acquire = lambda backend: ProcessRegistry.acquire(registry, "local")  # type: ignore[method-assign]
    registry.release = lambda backend: ProcessRegistry.release(registry, "local")  # type: ignore[method-assign]
    claim_stream(leg, document)
    with pytest.raises(Refused):
        claim_stream(leg, document)
    assert registry.slots == 1


def test_a_stopping_process_asks_anew_whether_its_successor_is_up(
    app: Flask, leg: Leg, registry: ProcessRegistry
) -> None:
    """Between two heartbeats of its own."""
    document = read(leg, leg.arrive())
    registry.draining = True
    context = app.extensions["patchbay"].context
    ProcessRegistry(context.settings).heartbeat(context.store, context.now())
    claim_stream(leg, document)


# ------------------------------------------------------------------ left behind by a process


def test_a_call_nobody_takes_over_ends_with_the_process(app: Flask, live: Live) -> None:
    live.media.lost(live.claim, SHUTDOWN)
    assert live.status == "in-progress"
    fire(app, LOST, live.id)
    assert (live.status, live.reason) == ("ended", "server-shutdown")


def test_a_leg_that_dies_meanwhile_died_of_it(app: Flask, live: Live) -> None:
    """The carrier asked nobody what now, and gave up."""
    live.media.lost(live.claim, SHUTDOWN)
    live.leg.say("completed", 65, lasted=60)
    fire(app, SETTLE, live.id)
    assert (live.status, live.reason) == ("ended", "server-shutdown")


def test_a_call_that_was_put_back_ends_as_any_other(app: Flask, live: Live) -> None:
    live.media.lost(live.claim, SHUTDOWN)
    live.put_back(1)
    assert live.status == "in-progress"
    live.leg.say("completed", 65, lasted=60)
    fire(app, SETTLE, live.id)
    assert live.reason == "customer-ended-call"


def test_hand_overs_spend_nothing_that_a_call_has_for_faults(live: Live) -> None:
    """Two deploys, faults up to their limit, and another deploy."""
    turns = iter(range(1, 100))
    for _ in range(2):
        live.media.lost(live.claim, SHUTDOWN)
        live.put_back(next(turns))
    for _ in range(FAULTS):
        live.lose()
        live.put_back(next(turns))
    live.media.lost(live.claim, SHUTDOWN)
    live.put_back(next(turns))
    assert live.status == "in-progress"
    live.lose()
    live.leg.ask(live.document, next(turns))
    assert live.status == "ended"
    assert live.reason != "server-shutdown"


def test_hand_overs_end_as_a_loop(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    most = FAULTS + 1
    monkeypatch.setitem(BUDGETS, Cause.HAND_OVER, Budget(most, timedelta(hours=1)))
    for turn in range(1, most + 1):
        live.media.lost(live.claim, SHUTDOWN)
        live.put_back(turn)
    live.media.lost(live.claim, SHUTDOWN)
    live.leg.ask(live.document, most + 1)
    assert (live.status, live.reason) == ("ended", "server-shutdown")


def test_a_socket_that_does_not_open_is_no_hand_over(live: Live, registry: ProcessRegistry) -> None:
    """A call was handed over to processes without room: the budget of faults ends it."""
    live.media.lost(live.claim, SHUTDOWN)
    document, turn = read(live.leg, live.leg.ask(live.document, 1)), 1
    registry.draining = True
    for turn in range(2, FAULTS + 2):
        turned_away(live.leg, document)
        document = read(live.leg, again(live.leg, document, turn))
    turned_away(live.leg, document)
    assert live.leg.read(again(live.leg, document, turn + 1).text) is None
    assert (live.status, live.reason) == ("ended", "server-shutdown")
