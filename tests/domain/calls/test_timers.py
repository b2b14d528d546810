"""Each timer: what it is set to, what it does when it fires, and what it leaves alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.domain.calls import schedule
from app.domain.calls.timer_jobs import WATCHDOG
from app.domain.reporting import pending
from app.settings import Settings
from app.store.engine import Store
from tests.domain.conftest import JOIN, SETTLE, TTL
from tests.domain.legs.test_no_capacity import again
from tests.domain.legs.test_no_capacity import turned_away as refuse
from tests.domain.live_call import ECHO, Live, call_of, join, kinds, read, status_path
from tests.domain.timers import fire, waiting
from tests.fakes.carriers.leg import Leg
from tests.fakes.client_server import PATIENCE, Receiver, Reply
from tests.routes.api import Api, organisation

CLOSE = 30.0
TIMERS = (*schedule.TIMERS, pending.TIMER)
MAX_DURATION = 600.0
WATCH = 60.0


@dataclass
class Stage:
    """A call that got so far."""

    app: Flask
    api: Api
    leg: Leg
    id: str
    live: Live | None = None

    @property
    def call(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/call/{self.id}").json
        return found

    def fire(self, timer: str) -> None:
        fire(self.app, timer, self.id, waiting(self.app, timer, self.id))


def created(api: Api, leg: Leg) -> Stage:
    """By the API; no leg yet."""
    return Stage(leg.app, api, leg, api.call(assistant=ECHO)["id"])


def announced(api: Api, leg: Leg) -> Stage:
    """The carrier is about to dial, which is still ``queued``."""
    call = api.call(assistant=ECHO)
    leg.say(leg.ANNOUNCED, 1, path=status_path(call), **leg.OUTBOUND)
    return Stage(leg.app, api, leg, call["id"])


def ringing(api: Api, leg: Leg) -> Stage:
    call = api.call(assistant=ECHO)
    leg.say("ringing", 2, path=status_path(call), **leg.OUTBOUND)
    return Stage(leg.app, api, leg, call["id"])


def arrived(api: Api, leg: Leg) -> Stage:
    """The leg has its document, the socket is not open yet."""
    read(leg, leg.arrive())
    return Stage(leg.app, api, leg, call_of(api, leg)["id"])


def turned_away(api: Api, leg: Leg) -> Stage:
    """A flow connected the leg by the document of the created call, and a full process refused it.

    The carrier reports no more than that: the flow passes us no callback of its own.
    """
    stage = created(api, leg)
    document = leg.offered(stage.call)
    presence = leg.app.extensions["patchbay"].context.presence
    presence.draining = True
    refuse(leg, document)
    presence.draining = False
    again(leg, document, 1)
    return stage


def joined(api: Api, leg: Leg) -> Stage:
    live = Live(api, leg)
    return Stage(leg.app, api, leg, live.id, live)


def lost(api: Api, leg: Leg) -> Stage:
    live = Live(api, leg)
    live.lose()
    return Stage(leg.app, api, leg, live.id, live)


def rejoined(api: Api, leg: Leg) -> Stage:
    live = Live(api, leg)
    live.lose()
    live.put_back(1)
    return Stage(leg.app, api, leg, live.id, live)


def ended(api: Api, leg: Leg) -> Stage:
    """By the carrier's bare word: the reason may still become more specific."""
    live = Live(api, leg)
    leg.say("completed")
    return Stage(leg.app, api, leg, live.id, live)


def settled(api: Api, leg: Leg) -> Stage:
    stage = ended(api, leg)
    stage.fire(schedule.SETTLE)
    return stage


Getting = Callable[[Api, Leg], Stage]

SET: list[tuple[Getting, str, float | None]] = [
    # a leg must come
    (created, schedule.NO_CALL, TTL),
    (created, schedule.JOIN, None),
    # it is on its way
    (announced, schedule.NO_CALL, None),
    (ringing, schedule.NO_CALL, None),
    # it is here: the assistant must come
    (arrived, schedule.NO_CALL, None),
    (arrived, schedule.JOIN, JOIN),
    (turned_away, schedule.NO_CALL, None),
    (turned_away, schedule.JOIN, JOIN),
    (turned_away, WATCHDOG, WATCH),
    # and may stay so long
    (joined, schedule.JOIN, None),
    (joined, schedule.MAX_DURATION, MAX_DURATION),
    (joined, schedule.LOST, None),
    (lost, schedule.LOST, SETTLE),
    (lost, schedule.MAX_DURATION, MAX_DURATION),
    (rejoined, schedule.LOST, None),
    (rejoined, schedule.JOIN, None),
    (rejoined, schedule.MAX_DURATION, MAX_DURATION),
    # nothing is awaited any more but a better reason
    (ended, schedule.MAX_DURATION, None),
    (ended, schedule.LOST, None),
    (ended, schedule.SETTLE, SETTLE),
]

FIRED: list[tuple[Getting, str, str]] = [
    (created, schedule.NO_CALL, "phone-call-provider-bypass-enabled-but-no-call-received"),
    (arrived, schedule.JOIN, "assistant-join-timed-out"),
    (turned_away, schedule.JOIN, "assistant-join-timed-out"),
    (joined, schedule.MAX_DURATION, "exceeded-max-duration"),
    (rejoined, schedule.MAX_DURATION, "exceeded-max-duration"),
    (lost, schedule.LOST, "phone-call-provider-closed-websocket"),
    (ended, schedule.SETTLE, "customer-ended-call"),
]

MOVED_ON: list[tuple[Getting, str]] = [
    (announced, schedule.NO_CALL),  # "queued" as before, but somebody is dialling
    (ringing, schedule.NO_CALL),
    (arrived, schedule.NO_CALL),
    (turned_away, schedule.NO_CALL),
    (joined, schedule.NO_CALL),
    (ended, schedule.NO_CALL),
    (joined, schedule.JOIN),
    (lost, schedule.JOIN),
    (ended, schedule.JOIN),
    (ended, schedule.MAX_DURATION),
    (arrived, schedule.LOST),  # never was in
    (joined, schedule.LOST),
    (rejoined, schedule.LOST),
    (ended, schedule.LOST),
    (created, schedule.SETTLE),
    (joined, schedule.SETTLE),
    *[(settled, timer) for timer in TIMERS],
]


def name(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("getting", "timer", "seconds"), SET, ids=name)
def test_what_is_waited_for(
    api: Api, leg: Leg, getting: Getting, timer: str, seconds: float | None
) -> None:
    stage = getting(api, leg)
    found = waiting(stage.app, timer, stage.id)
    assert (found and found.seconds) == (seconds and pytest.approx(seconds, abs=CLOSE))


@pytest.mark.parametrize(("getting", "timer", "reason"), FIRED, ids=name)
def test_it_fires(api: Api, leg: Leg, getting: Getting, timer: str, reason: str) -> None:
    stage = getting(api, leg)
    stage.fire(timer)
    assert (stage.call["status"], stage.call["endedReason"]) == ("ended", reason)


@pytest.mark.parametrize(("getting", "timer"), MOVED_ON, ids=name)
def test_a_call_that_moved_on_is_left_alone(
    api: Api, leg: Leg, getting: Getting, timer: str
) -> None:
    stage = getting(api, leg)
    before, log = stage.call, kinds(api, stage.id)
    fire(stage.app, timer, stage.id)
    assert (stage.call, kinds(api, stage.id)) == (before, log)


@pytest.mark.parametrize("timer", TIMERS)
def test_a_deleted_call_is_no_trouble(api: Api, leg: Leg, timer: str) -> None:
    stage = joined(api, leg)
    api.delete(f"/call/{stage.id}")
    assert waiting(stage.app, timer, stage.id) is None
    fire(stage.app, timer, stage.id)


@pytest.fixture
def reported(api: Api, leg: Leg, receiver: Receiver) -> Stage:
    """A call that is over, of an assistant that has a server."""
    assistant = api.made("/assistant", {**ECHO, "server": {"url": receiver.url}})
    document = read(leg, leg.arrive({"assistantId": assistant["id"]}))
    join(leg, document)
    leg.say("completed")
    return Stage(leg.app, api, leg, call_of(api, leg)["id"])


def reports(stage: Stage) -> int:
    sent = stage.api.get(f"/call/{stage.id}/messages").json
    return sum(message["type"] == "end-of-call-report" for message in sent)


def test_the_report_waits_for_the_settling(reported: Stage) -> None:
    assert reports(reported) == 0
    reported.fire(schedule.SETTLE)
    assert reports(reported) == 1


def test_fired_twice_it_makes_one_report(reported: Stage) -> None:
    for _ in range(2):
        fire(reported.app, schedule.SETTLE, reported.id)
    assert reports(reported) == 1


def test_a_settled_reason_stays(api: Api, leg: Leg) -> None:
    stage = settled(api, leg)
    leg.say("busy", 61)
    assert stage.call["endedReason"] == "customer-ended-call"
    assert kinds(api, stage.id)[-1] == "leg.ended"


class TestOfVapisOwnWords:
    """ENDED_REASONS=seed: only what Vapi's page lists."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, ended_reasons="seed")

    def test_no_call_is_a_call_not_connected(self, api: Api, leg: Leg) -> None:
        stage = created(api, leg)
        stage.fire(schedule.NO_CALL)
        assert stage.call["endedReason"] == f"{leg.name}-failed-to-connect-call"


class TestWithTheEngine:
    @pytest.fixture
    def impatient(self, store: Store, settings: Settings) -> Iterator[Flask]:
        made = create_app(replace(settings, bypass_ttl_seconds=0.1))
        services = made.extensions["patchbay"]
        services.jobs.start()
        services.timers.start()
        services.dispatcher.start()
        yield made
        services.stop()

    def test_a_receiver_that_hangs_delays_no_timer(self, impatient: Flask) -> None:
        api = organisation(impatient, "33333333-3333-4333-8333-333333333333", "its key")
        over = threading.Event()
        impatient.extensions["patchbay"].context.media_wakers.append(lambda call_id: over.set())
        with Receiver(reply=Reply(silent=True)) as hanging:
            api.call(assistant={"server": {"url": hanging.url, "timeoutSeconds": 300}})
            hanging.wait(1)
            assert over.wait(PATIENCE)
