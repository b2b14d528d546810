"""Legs that wait for a slot: who goes when, what they hear, and how they leave the line."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from app import default_org
from app.domain.calls import record
from app.domain.calls.record import CallTx
from app.domain.errors import Invalid, TooMany
from app.domain.legs import dial_limit, reconcile
from app.domain.legs.queue import advance, line, sentences
from app.domain.legs.queue.sentences import LANGUAGES
from app.settings import Settings
from app.store import queue
from app.store.call_lists import CallFilter
from app.store.schema import phone_numbers
from providers.base.instructions import Forward, HangUp, Return, Say
from providers.errors import NotConfigured
from providers.events import EndedReason
from tests.domain.queue_world import Caller, World, world
from tests.domain.use_cases import Domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE

DOWN = (500, {"code": 20500, "message": "broken", "status": 500})
BACK = "https://webhooks.twilio.com/v1/Accounts/AC1/Flows/FW1?FlowEvent=return"


@pytest.fixture(params=FAKES.values(), ids=lambda each: each.name)
def one(request: pytest.FixtureRequest, settings: Settings) -> Iterator[World]:
    """One slot, and a caller who has it, at each carrier."""
    with world(settings, request.param) as made:
        yield made


@pytest.fixture
def twilio(settings: Settings) -> Iterator[World]:
    with world(settings, TWILIO) as made:
        yield made


# ------------------------------------------------------------------ who goes when


def test_the_first_goes_as_soon_as_the_slot_is_free(one: World) -> None:
    first, second, third = one.arrive(), one.arrive(), one.arrive()
    assert (first.connected, second.waits, third.waits) == (True, True, True)
    assert one.join(first)
    assert one.turn(third).waits
    assert one.turn(second).waits
    one.hang_up(first)
    assert one.turn(third).waits, "it would overtake the second"
    one.run_jobs()
    assert (second.connected, third.waits) == (True, True)
    assert one.join(second)
    assert one.outcomes(second) == ["connected"]
    assert one.waiting() == [one.id_of(third)]


def test_a_new_leg_does_not_overtake_who_waits(twilio: World) -> None:
    first, second = twilio.arrive(), twilio.arrive()
    twilio.hang_up(first)
    third = twilio.arrive()
    assert third.waits
    assert twilio.turn(second).connected


def test_a_repeated_request_keeps_the_place(twilio: World) -> None:
    twilio.arrive()
    second, third = twilio.arrive(), twilio.arrive()
    twilio.fetch(second)
    assert second.waits
    assert twilio.waiting() == [twilio.id_of(second), twilio.id_of(third)]
    assert twilio.kinds(second).count("queue.entered") == 1


def test_its_status_is_ringing_and_its_join_timer_waits_too(twilio: World) -> None:
    twilio.arrive()
    second = twilio.arrive()
    call = twilio.call(second)
    assert call["status"] == "ringing"
    assert call["queue"]["position"] == 1
    assert "join" not in twilio.ours.timers(call)
    twilio.ours.clock.pass_(50)
    twilio.turn(second)
    twilio.hang_up(twilio.callers[0])
    twilio.turn(second)
    timers = twilio.ours.timers(call)
    assert timers["join"] == twilio.ours.context.settings.join_timeout_seconds
    assert "queue" not in timers
    assert "queue" not in twilio.call(second)


def test_a_document_that_ends_while_the_leg_waits_takes_nothing_from_its_join_timer(
    one: World,
) -> None:
    """The carrier may tell of it late: of the socket that was refused because no slot was free."""
    one.arrive()
    second = one.arrive()
    one.go_on(second)
    one.ours.clock.pass_(50)
    one.hang_up(one.callers[0])
    assert one.turn(second).connected
    timers = one.ours.timers(one.call(second))
    assert timers["join"] == one.ours.context.settings.join_timeout_seconds


def test_the_document_is_the_same_when_the_leg_asks_again(one: World) -> None:
    first, second = one.arrive(), one.arrive()
    url = second.hold.next_url
    one.hang_up(first)
    once = one.turn(second).answer
    assert one.turn(second, url=url).answer == once
    assert one.join(second)
    assert one.turn(second, url=url).connected, "called twice: it is attached again"
    assert one.join(second)
    assert one.slots() == 1


def test_of_many_that_ask_at_once_the_first_go(settings: Settings) -> None:
    """On PostgreSQL each of them is a transaction of its own."""
    with world(settings, TWILIO, slots=3) as many:
        busy, waiting = [many.arrive() for _ in range(3)], [many.arrive() for _ in range(6)]
        for each in busy:
            many.hang_up(each)
        together = Barrier(len(waiting))

        def ask(number: int) -> bool:
            together.wait()
            return many.turn(waiting[number]).connected

        with ThreadPoolExecutor(len(waiting)) as pool:
            gone = list(pool.map(ask, range(len(waiting))))
        assert gone == [True] * 3 + [False] * 3
        assert many.slots() == 3


def test_the_owner_s_own_document_waits_as_well(one: World) -> None:
    """Its socket is the first that we hear of such a leg."""
    first = one.arrive()
    call = one.ours.create(one.carrier, phoneCallProviderBypassEnabled=True)
    given = one.ours.tokens(call)
    url = f"ws://localhost:8000/media/{one.carrier.name}/{given.media}"
    assert not one.open(url, one.carrier.new_ref())
    assert one.ours.get(call)["status"] == "ringing"
    assert one.ours.get(call)["queue"]["position"] == 1
    assert one.waiting() == [call["id"]]
    one.hang_up(first)
    third = one.arrive()
    assert third.waits
    assert one.turn(third, url=one.url_of(call["id"])).connected
    assert one.join(third)
    assert one.ours.kinds(call).count("queue.left") == 1


def test_a_call_that_we_dial_does_not_overtake_who_waits(twilio: World) -> None:
    first, _ = twilio.arrive(), twilio.arrive()
    twilio.hang_up(first)
    with pytest.raises(Invalid, match="MAX_CONCURRENT_CALLS"):
        twilio.ours.create(twilio.carrier)


@pytest.mark.parametrize("mode", [None, "off"])
def test_without_a_queue_the_leg_is_refused(settings: Settings, mode: str | None) -> None:
    """By the setting, or by the number's own plan."""
    with world(settings, TWILIO, queue="wait" if mode else "off") as full:
        if mode:
            set_plan(full, {"mode": mode})
        full.arrive()
        second = full.arrive(return_url=BACK)
        assert isinstance(second.answer[0], Return)
        assert full.call(second)["endedReason"] == EndedReason.NO_SERVER_AVAILABLE


# ------------------------------------------------------------------ what is heard


def test_position_and_wait_in_the_assistant_s_language(twilio: World) -> None:
    twilio.arrive()
    second, third = twilio.arrive(), twilio.arrive()
    german = LANGUAGES["de"]
    assert second.hold.language == "de-DE"
    assert second.hold.text == f"{german.next} {german.minutes.format(minutes=3)}"
    assert german.position.format(position=2) in third.hold.text
    twilio.ours.clock.pass_(12)
    assert twilio.turn(third).hold.text == ""
    twilio.hang_up(second)
    assert german.next in twilio.turn(third).hold.text, "at once when it changes"
    assert twilio.kinds(third).count("queue.position") == 1
    twilio.ours.clock.pass_(line.TOLD_AGAIN.total_seconds())
    assert twilio.turn(third).hold.text, "and again after a minute"


def test_the_expected_wait_follows_from_the_last_calls(twilio: World) -> None:
    first = twilio.arrive()
    twilio.join(first)
    twilio.ours.clock.pass_(900)
    twilio.hang_up(first)
    twilio.arrive()
    assert twilio.call(twilio.arrive())["queue"]["expectedWaitSeconds"] == 900


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_whole_sentences(language: str) -> None:
    told = LANGUAGES[language]
    text = sentences.announcement(told, 7, 4, offers_callback=True)
    assert "7" in text
    assert "4" in text
    assert "1" in told.offer
    assert "{" not in text
    assert told.code.startswith(language)


MUSIC = [
    (TWILIO, True, 12),  # the auth token of the webhooks opens the API
    (VONAGE, True, 12),
    (VONAGE, False, 3),  # no key of an application: the turn is short
]


@pytest.mark.parametrize(("carrier", "rest", "seconds"), MUSIC)
def test_the_music_is_short_where_nobody_can_be_called(
    settings: Settings, carrier: CarrierFake, rest: bool, seconds: int
) -> None:
    with world(settings, carrier, rest=rest) as full:
        full.arrive()
        assert full.arrive().hold.audio_url.endswith(f"/hold-music/{seconds}.wav")


def test_the_owner_s_own_audio(settings: Settings) -> None:
    with world(settings, TWILIO, hold_audio_url="https://example.com/all.mp3") as full:
        full.arrive()
        assert full.arrive().hold.audio_url == "https://example.com/all.mp3"
        set_plan(full, {"holdAudioUrl": "https://example.com/own.mp3"})
        assert full.arrive().hold.audio_url == "https://example.com/own.mp3"


# ------------------------------------------------------------------ how they leave


def test_who_hangs_up_leaves_the_line(twilio: World) -> None:
    twilio.arrive()
    second, third = twilio.arrive(), twilio.arrive()
    twilio.hang_up(second)
    assert twilio.waiting() == [twilio.id_of(third)]
    assert twilio.outcomes(second) == ["gone"]


def test_who_hung_up_unheard_of_is_noticed_when_it_is_called(one: World) -> None:
    first, second, third = one.arrive(), one.arrive(), one.arrive()
    one.hang_up(second, told=False)
    one.hang_up(first)
    one.run_jobs()
    assert third.connected
    assert one.call(second)["endedReason"] == EndedReason.CUSTOMER_ENDED_CALL


@pytest.mark.parametrize("rest", [True, False], ids=["the API says so", "it asks no more"])
def test_who_misses_a_turn_is_gone(settings: Settings, rest: bool) -> None:
    with world(settings, VONAGE, rest=rest) as full:
        full.arrive()
        second, third = full.arrive(), full.arrive()
        full.hang_up(second, told=False)
        full.ours.clock.pass_(20)
        full.turn(third)
        full.ours.clock.pass_(20)
        full.turn(third)
        full.fire_timers()
        full.run_jobs()
        assert full.waiting() == [full.id_of(third)]
        assert full.call(second)["endedReason"] == EndedReason.CUSTOMER_ENDED_CALL


def test_a_leg_that_vanishes_in_its_last_turn_is_gone_as_well(settings: Settings) -> None:
    """Its timer is that of the longest wait, which comes before the leg can be missing."""
    with world(settings, VONAGE, rest=False, queue_seconds=30) as full:
        full.arrive()
        second = full.arrive()
        full.ours.clock.pass_(29)
        assert full.turn(second).waits
        full.hang_up(second, told=False)
        for _ in range(3):
            full.ours.clock.pass_(7)
            full.fire_timers()
            full.run_jobs()
        assert full.call(second)["endedReason"] == EndedReason.CUSTOMER_ENDED_CALL


def test_who_misses_a_turn_is_gone_where_the_api_refuses_us(twilio: World) -> None:
    first, second = twilio.arrive(), twilio.arrive()
    twilio.api.says(401, {"code": 20003, "message": "Authenticate", "status": 401})
    payload = {"callId": twilio.id_of(second)}
    assert advance.call_leg(twilio.ours.context, payload) is None
    assert twilio.waiting() == [twilio.id_of(second)]
    twilio.ours.clock.pass_(60)
    assert advance.call_leg(twilio.ours.context, payload) is None
    assert twilio.waiting() == []
    assert first.connected


def test_a_key_that_cannot_be_read_leaves_the_line_in_order(
    twilio: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable:
        def redirect(self, *_: object, **__: object) -> None:
            raise NotConfigured("the private key is not a PEM")

    twilio.arrive()
    second = twilio.arrive()
    monkeypatch.setattr(line, "client", lambda *_: Unreadable())
    payload = {"callId": twilio.id_of(second)}
    assert advance.call_leg(twilio.ours.context, payload) is None
    assert twilio.turn(second).waits
    twilio.ours.clock.pass_(60)
    assert advance.call_leg(twilio.ours.context, payload) is None
    assert twilio.waiting() == []


@pytest.mark.parametrize(("carrier", "rest"), [(VONAGE, False), (TWILIO, True)])
def test_a_leg_may_wait_for_longer_than_a_call_may_last(
    settings: Settings, carrier: CarrierFake, rest: bool
) -> None:
    """Also while the API cannot be asked: its turns say that it is there."""
    with world(settings, carrier, rest=rest, queue_seconds=3600) as full:
        full.arrive()
        second = full.arrive()
        watched = {"callId": full.id_of(second)}
        for _ in range(100):
            full.ours.clock.pass_(12)
            full.api.says(*DOWN)
            full.turn(second)
            reconcile.run(full.ours.context, watched)
        assert full.call(second)["status"] == "ringing"
        for _ in range(100):
            full.ours.clock.pass_(12)
            reconcile.run(full.ours.context, watched)
        assert full.call(second)["status"] == "ended", "it asks no more, and the API says nothing"


def test_a_leg_that_is_being_called_takes_no_slot_by_its_usual_turn(one: World) -> None:
    """The API would tear it from its assistant."""
    first, second = one.arrive(), one.arrive()
    one.hang_up(first)
    turns: list[bool] = []
    one.api.meanwhile = lambda: turns.append(one.turn(second).waits)
    one.run_jobs()
    assert turns == [True]
    assert second.connected
    assert one.join(second)


def test_a_call_of_the_api_that_failed_is_made_again(twilio: World) -> None:
    first, second = twilio.arrive(), twilio.arrive()
    twilio.hang_up(first)
    twilio.api.says(*DOWN)
    payload = {"callId": twilio.id_of(second)}
    assert advance.call_leg(twilio.ours.context, payload) == advance.AGAIN_SECONDS
    assert twilio.turn(second).connected, "its usual turn comes first"
    assert advance.call_leg(twilio.ours.context, payload) is None


def test_the_longest_wait_leads_back_to_the_flow(twilio: World) -> None:
    twilio.arrive()
    second = twilio.arrive(return_url=BACK)
    twilio.ours.clock.pass_(twilio.ours.context.settings.queue_seconds)
    twilio.turn(second)
    [back] = second.answer
    assert isinstance(back, Return)
    assert back.params["vapiEndedReason"] == EndedReason.NO_SERVER_AVAILABLE
    assert twilio.outcomes(second) == ["timed-out"]
    assert "600 s" in twilio.call(second)["endedMessage"]


def test_the_longest_wait_leads_to_the_number_s_fallback(one: World) -> None:
    set_plan(
        one, {"maxSeconds": 30}, fallbackDestination={"type": "number", "number": "+14155550188"}
    )
    one.arrive()
    second = one.arrive()
    one.ours.clock.pass_(31)
    one.fire_timers()
    one.run_jobs()
    [forward] = second.answer
    assert isinstance(forward, Forward)
    assert one.call(second)["status"] == "forwarding"
    assert one.waiting() == []


def test_a_call_that_is_ended_or_deleted_waits_no_longer(twilio: World) -> None:
    twilio.arrive()
    second, third = twilio.arrive(), twilio.arrive()
    twilio.ours.end(twilio.call(second))
    twilio.ours.delete(twilio.call(third))
    assert twilio.waiting() == []


# ------------------------------------------------------------------ callbacks


@pytest.fixture
def called_back(settings: Settings) -> Iterator[World]:
    with world(settings, TWILIO, queue="callback") as made:
        yield made


def test_who_presses_1_is_called_back_in_turn(called_back: World) -> None:
    ours = called_back
    first, second, third = ours.arrive(), ours.arrive(), ours.arrive()
    assert LANGUAGES["de"].offer in second.hold.text
    assert second.hold.takes_key
    url = second.hold.next_url
    ours.turn(second, pressed="1")
    assert second.answer == [Say(LANGUAGES["de"].callback, "de-DE"), HangUp()]
    assert ours.turn(second, pressed="1", url=url).answer[0] == second.answer[0], "once"
    assert ours.call(second)["endedReason"] == EndedReason.CUSTOMER_ENDED_CALL
    assert ours.outcomes(second) == ["callback"]
    [made] = [c for c in calls(ours) if c["type"] == "outboundPhoneCall"]
    assert (made["status"], made["customer"]["number"]) == ("scheduled", second.number)
    assert made["phoneCallProviderBypassEnabled"] is False
    assert ours.waiting() == [made["id"], ours.id_of(third)]
    assert ours.turn(third).waits
    ours.hang_up(first)
    ours.run_jobs()
    assert ours.ours.get(made)["status"] == "queued", "it is dialled"
    assert ours.turn(third).waits
    assert ours.waiting() == [ours.id_of(third)]


def test_a_callback_that_may_not_be_dialled_yet_leaves_the_slot_to_the_next(
    called_back: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tx: CallTx) -> None:
        raise TooMany("an hour's calls are dialled", 60)

    monkeypatch.setattr(dial_limit, "reserve_call", refuse)
    first, second, third = called_back.arrive(), called_back.arrive(), called_back.arrive()
    called_back.turn(second, pressed="1")
    called_back.hang_up(first)
    called_back.run_jobs()
    assert third.connected


def test_another_key_is_none(called_back: World) -> None:
    called_back.arrive()
    second = called_back.arrive()
    assert called_back.turn(second, pressed="2").waits


UNCALLABLE = [
    "+33140000000",  # a country that is not allowed: ALLOWED_COUNTRIES
    "anonymous",  # no number
]


@pytest.mark.parametrize("number", UNCALLABLE)
def test_who_may_not_be_dialled_is_offered_none(called_back: World, number: str) -> None:
    called_back.arrive()
    second = called_back.arrive()
    caller = replace(second, ref=called_back.carrier.new_ref(), number=number)
    called_back.callers.append(caller)
    assert not called_back.fetch(caller).hold.takes_key


def test_a_number_has_one_callback_at_a_time(called_back: World) -> None:
    called_back.arrive()
    second = called_back.arrive()
    called_back.turn(second, pressed="1")
    again = replace(second, ref=called_back.carrier.new_ref())
    called_back.callers.append(again)
    assert not called_back.fetch(again).hold.takes_key


def test_of_two_legs_of_a_number_one_gets_the_callback(called_back: World) -> None:
    """Both were offered it. The other waits on, and hears no offer any more."""
    called_back.arrive()
    second = called_back.arrive()
    third = replace(second, ref=called_back.carrier.new_ref())
    called_back.callers.append(third)
    assert called_back.fetch(third).hold.takes_key
    called_back.turn(second, pressed="1")
    called_back.turn(third, pressed="1")
    assert third.waits
    assert not third.hold.takes_key
    assert len([c for c in calls(called_back) if c["type"] == "outboundPhoneCall"]) == 1


def test_of_two_legs_that_press_1_at_once_one_gets_the_callback(called_back: World) -> None:
    """On PostgreSQL each of them is a transaction of its own."""
    called_back.arrive()
    second = called_back.arrive()
    third = replace(second, ref=called_back.carrier.new_ref())
    called_back.callers.append(third)
    called_back.fetch(third)
    together = Barrier(2)

    def press(caller: Caller) -> bool:
        together.wait()
        return called_back.turn(caller, pressed="1").waits

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, [second, third])) == [False, True]


# ------------------------------------------------------------------ another limit after a restart


def test_who_waits_at_a_restart_without_a_limit_goes_with_the_next_turn(one: World) -> None:
    first, second = one.arrive(), one.arrive()
    one.join(first)
    restart(one, slots=0)
    assert one.turn(second).connected
    assert one.waiting() == []
    assert one.outcomes(second) == ["connected"]
    assert "queue" not in one.call(second)
    assert one.ours.timers(one.call(second)).keys() == {"join", "watchdog"}
    assert one.join(second)
    one.ours.clock.pass_(40)
    one.fire_timers()
    one.run_jobs()
    assert one.kinds(second)[-1] == "media.connected", "the API leaves it where it is"


def test_who_asks_again_after_a_restart_without_a_limit_goes_by_its_turn(one: World) -> None:
    one.arrive()
    second = one.arrive()
    restart(one, slots=0)
    assert one.fetch(second).waits
    assert one.turn(second).connected


@pytest.mark.parametrize("why", ["there is no limit", "the API is calling it"])
def test_who_opens_its_socket_waits_no_more(one: World, why: str) -> None:
    """Its ticket would have it called once more, out of its assistant."""
    first, call = one.arrive(), one.ours.create(one.carrier, phoneCallProviderBypassEnabled=True)
    with one.ours.context.store.write() as conn:
        found = record.get(conn, call["id"], lock=True)
        assert found is not None
        line.enter(CallTx(one.ours.context, conn, found))
        if why == "the API is calling it":
            queue.mark_called(conn, call["id"], one.ours.clock())
    if why == "the API is calling it":
        one.hang_up(first)
    else:
        restart(one, slots=0)
    media = one.ours.tokens(call).media
    url = f"ws://localhost:8000/media/{one.carrier.name}/{media}"
    assert one.open(url, one.carrier.new_ref())
    assert one.waiting() == []
    assert one.ours.kinds(call).count("queue.left") == 1


def test_a_call_that_ends_without_a_limit_leaves_no_ticket(called_back: World) -> None:
    """It would take a slot for ever, once there is a limit again."""
    called_back.arrive()
    second, third = called_back.arrive(), called_back.arrive()
    called_back.turn(second, pressed="1")
    restart(called_back, slots=0)
    called_back.hang_up(third)
    [made] = [c for c in calls(called_back) if c["type"] == "outboundPhoneCall"]
    called_back.ours.end(made)
    assert called_back.waiting() == []
    assert called_back.outcomes(third) == ["gone"]


def test_a_ticket_that_was_left_behind_goes_at_the_start(twilio: World) -> None:
    twilio.arrive()
    second, third = twilio.arrive(), twilio.arrive()
    with twilio.ours.context.store.read() as conn:
        ticket = queue.get(conn, twilio.id_of(second))
    assert ticket is not None
    twilio.hang_up(second)
    with twilio.ours.context.store.write() as conn:
        queue.add(conn, ticket)
    advance.start(twilio.ours.context)
    assert twilio.waiting() == [twilio.id_of(third)]


def test_who_waits_is_called_to_the_slots_of_a_greater_limit(twilio: World) -> None:
    twilio.arrive()
    second, third = twilio.arrive(), twilio.arrive()
    restart(twilio, slots=2)
    twilio.run_jobs()
    assert (second.connected, third.waits) == (True, True)


# ------------------------------------------------------------------ subscriptionLimits


def test_post_call_tells_what_is_left(settings: Settings) -> None:
    with world(settings, TWILIO, slots=2) as two:
        made = two.ours.create(TWILIO, phoneCallProviderBypassEnabled=True)
        assert made["subscriptionLimits"] == {
            "concurrencyBlocked": False,
            "concurrencyLimit": 2,
            "remainingConcurrentCalls": 2,
        }
        for _ in range(3):
            two.arrive()
        made = two.ours.create(TWILIO, phoneCallProviderBypassEnabled=True)
        assert made["subscriptionLimits"] == {
            "concurrencyBlocked": True,
            "concurrencyLimit": 2,
            "remainingConcurrentCalls": 0,
        }


# ------------------------------------------------------------------ steps


def set_plan(world: World, plan: dict[str, Any], **fields: Any) -> None:
    """Of the bridge's number at this carrier."""
    wanted = phone_numbers.c.provider == world.carrier.name
    with world.ours.context.store.write() as conn:
        body = dict(conn.execute(phone_numbers.select().where(wanted)).mappings().one()["body"])
        new = {**body, "queuePlan": plan, **fields}
        conn.execute(phone_numbers.update().where(wanted).values(body=new))


def restart(world: World, slots: int) -> None:
    """The process begins anew, with so many slots; 0: no limit."""
    old = world.ours
    settings = replace(old.context.settings, max_concurrent_calls=slots)
    world.ours = Domain(replace(old.context, settings=settings), old.later, old.clock)
    advance.start(world.ours.context)


def calls(world: World) -> list[dict[str, Any]]:
    return world.ours.calls.list(default_org.ORG_ID, CallFilter())
