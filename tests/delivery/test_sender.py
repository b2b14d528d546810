"""Delivery: what is sent, in which order, how often, and what is written down about it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from app.delivery.sender import RESERVED, RESPONSE_KEPT, Sender
from app.domain.context import utc_now
from app.domain.timings import Timing
from app.jobs.base import WORKERS, Jobs
from app.jobs.factory import open_jobs
from app.settings import DELIVERY_SCHEDULE, Settings
from app.store import messages
from app.store.engine import Store
from app.store.schema import calls
from app.store.vault import Vault, WrongKey
from tests.delivery.rows import LONG_AGO, new_call, put_message, rows_of
from tests.fakes.client_server import Receiver, Reply, Request

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHORT = (0.0, 0.05, 0.05, 0.05, 0.05)
CALL = ["status-update:queued", "status-update:ringing", "status-update:ended", "report"]

Ids = tuple[str, str]


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = LONG_AGO

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender(store: Store, vault: Vault, settings: Settings, clock: Clock) -> Sender:
    """One that is called by hand, and lives in the clock's time."""
    return Sender(store, vault, settings, clock)


@pytest.fixture
def ids(store: Store) -> Ids:
    return new_call(store)


def deliver(sender: Sender, ids: Ids) -> float | None:
    return sender({"callId": ids[1]})


def keys(requests: list[Request]) -> list[str]:
    return [json.loads(request.body)["message"]["key"] for request in requests]


class TestRequest:
    def test_the_body_goes_as_it_was_stored(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        body = '{"message":{"key":"ü \N{SNOWMAN}"}}'
        put_message(store, ids, "a", receiver.url, body=body)
        assert deliver(sender, ids) is None
        [request] = receiver.requests
        assert request.body == body.encode()
        assert request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"] == "Patchbay"

    def test_a_secret_is_sent_and_signed_with(
        self, store: Store, vault: Vault, ids: Ids, receiver: Receiver, settings: Settings
    ) -> None:
        put_message(store, ids, "a", receiver.url, secret=vault.seal({"secret": SECRET}))
        deliver(Sender(store, vault, settings), ids)  # in real time: the library looks at it
        [request] = receiver.requests
        assert request.headers["x-vapi-secret"] == SECRET
        assert request.headers["webhook-id"] == rows_of(store, ids)[0]["id"]
        Webhook(SECRET).verify(request.body, dict(request.headers))

    def test_without_a_secret_there_is_neither(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        put_message(store, ids, "a", receiver.url)
        deliver(sender, ids)
        headers = receiver.requests[0].headers
        assert "x-vapi-secret" not in headers
        assert "webhook-signature" not in headers
        assert headers["webhook-timestamp"] == str(int(LONG_AGO.timestamp()))

    def test_own_headers_are_sent(
        self, store: Store, vault: Vault, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        own = {"Authorization": "Bearer of good news", "X-Number": 7}
        put_message(store, ids, "a", receiver.url, secret=vault.seal({"headers": own}))
        deliver(sender, ids)
        headers = receiver.requests[0].headers
        assert (headers["authorization"], headers["x-number"]) == ("Bearer of good news", "7")

    @pytest.mark.parametrize("name", sorted(RESERVED | {"x-vapi-secret"}))
    def test_own_headers_cannot_replace_ours(
        self,
        store: Store,
        vault: Vault,
        sender: Sender,
        ids: Ids,
        receiver: Receiver,
        name: str,
    ) -> None:
        sealed = vault.seal({"secret": "s", "headers": {name.title(): "forged"}})
        put_message(store, ids, "a", receiver.url, secret=sealed)
        deliver(sender, ids)
        [request] = receiver.requests
        assert request.headers.get(name) != "forged"
        assert keys([request]) == ["a"]

    def test_a_header_that_breaks_out_is_an_attempt_s_failure(
        self, store: Store, vault: Vault, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        sealed = vault.seal({"headers": {"X-A": "a\r\nX-B: b"}})
        put_message(store, ids, "a", receiver.url, secret=sealed)
        assert deliver(sender, ids)
        assert receiver.requests == []
        assert "header 'X-A'" in rows_of(store, ids)[0]["tries"][0]["error"]

    def test_another_secret_key_stops_the_job_not_the_message(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        sealed = Vault(("an entirely different key",)).seal({"secret": "s"})
        put_message(store, ids, "a", receiver.url, secret=sealed)
        with pytest.raises(WrongKey):
            deliver(sender, ids)
        assert rows_of(store, ids)[0]["state"] == "pending"


class TestRecord:
    def test_a_delivered_message(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(Reply(201, {}, b"thanks"))
        put_message(store, ids, "a", receiver.url)
        assert deliver(sender, ids) is None
        [row] = rows_of(store, ids)
        assert (row["state"], row["attempts"]) == ("delivered", 1)
        [attempt] = row["tries"]
        assert (attempt["at"], attempt["status_code"], attempt["error"]) == (LONG_AGO, 201, None)
        assert attempt["response"] == "thanks"
        assert attempt["duration_ms"] >= 0

    def test_the_answer_is_kept_in_part(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        """Whatever bytes it has: NUL is not stored by PostgreSQL, and half a character by nobody."""
        receiver.script(Reply(500, {}, b"\0\xff\xe2\x98" + "\N{SNOWMAN}".encode() * 1000))
        put_message(store, ids, "a", receiver.url)
        deliver(sender, ids)
        kept = rows_of(store, ids)[0]["tries"][0]["response"]
        assert len(kept) == RESPONSE_KEPT
        assert kept.endswith("\N{SNOWMAN}")
        assert "\0" not in kept

    def test_a_refused_address(
        self, store: Store, vault: Vault, settings: Settings, ids: Ids, receiver: Receiver
    ) -> None:
        guarded = replace(settings, allow_private_server_urls=False)
        put_message(store, ids, "a", "http://127.0.0.1/hook")
        wait = deliver(Sender(store, vault, guarded), ids)
        assert wait is not None
        [attempt] = rows_of(store, ids)[0]["tries"]
        assert attempt["status_code"] is None
        assert "not a public address" in attempt["error"]
        assert receiver.requests == []

    def test_a_redirect(self, store: Store, sender: Sender, ids: Ids, receiver: Receiver) -> None:
        receiver.script(Reply(307, {"Location": receiver.url}))
        put_message(store, ids, "a", receiver.url)
        assert deliver(sender, ids)
        [attempt] = rows_of(store, ids)[0]["tries"]
        assert attempt["status_code"] == 307
        assert "not followed" in attempt["error"]
        assert len(receiver.requests) == 1

    def test_no_answer_in_time(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(Reply(silent=True))
        put_message(store, ids, "a", receiver.url, policy={"timeoutSeconds": 0.2})
        wait = deliver(sender, ids)
        assert wait is not None
        assert 48 <= wait <= 72  # a minute, more or less a fifth
        assert "within 0.2 s" in rows_of(store, ids)[0]["tries"][0]["error"]


class TestSchedule:
    def test_a_receiver_that_is_down_for_good(
        self, store: Store, sender: Sender, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        """All attempts of the schedule, each within a fifth of its time; then the message is failed."""
        receiver.reply = 500
        put_message(store, ids, "a", receiver.url)
        waits = []
        while (wait := deliver(sender, ids)) is not None:
            waits.append(wait)
            clock.pass_by(wait)
        for seconds, planned in zip(waits, DELIVERY_SCHEDULE[1:], strict=True):
            assert 0.8 * planned <= seconds <= 1.2 * planned
        [row] = rows_of(store, ids)
        assert (row["state"], row["attempts"], len(row["tries"])) == ("failed", 10, 10)
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1

    def test_before_its_time_nothing_is_sent(
        self, store: Store, sender: Sender, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(500)
        put_message(store, ids, "a", receiver.url)
        wait = deliver(sender, ids)
        assert wait is not None
        clock.pass_by(wait - 1)
        assert deliver(sender, ids) == pytest.approx(1.0)
        clock.pass_by(1)
        assert deliver(sender, ids) is None
        assert len(receiver.requests) == 2

    def test_gone_is_the_end(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(410)
        put_message(store, ids, "a", receiver.url)
        put_message(store, ids, "b", receiver.url)
        assert deliver(sender, ids) is None
        assert [row["state"] for row in rows_of(store, ids)] == ["failed", "delivered"]

    def test_retry_after(self, store: Store, sender: Sender, ids: Ids, receiver: Receiver) -> None:
        receiver.script(Reply(503, {"Retry-After": "8"}))
        put_message(store, ids, "a", receiver.url)
        assert deliver(sender, ids) == 8.0

    def test_vapi_s_plan(
        self, store: Store, sender: Sender, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.reply = 500
        plan = {"type": "exponential", "maxRetries": 2, "baseDelaySeconds": 3}
        put_message(store, ids, "a", receiver.url, policy={"backoffPlan": plan})
        waits = []
        while (wait := deliver(sender, ids)) is not None:
            waits.append(wait)
            clock.pass_by(wait)
        assert waits == [3.0, 6.0]
        assert rows_of(store, ids)[0]["state"] == "failed"

    def test_a_resent_message_goes_first_and_anew(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(410)
        put_message(store, ids, "a", receiver.url)
        deliver(sender, ids)
        put_message(store, ids, "b", receiver.url)
        with store.write() as conn:
            messages.resend(conn, rows_of(store, ids)[0]["id"], at=LONG_AGO)
        deliver(sender, ids)
        assert keys(receiver.requests) == ["a", "a", "b"]
        assert [row["state"] for row in rows_of(store, ids)] == ["delivered", "delivered"]


class TestOrder:
    def test_a_call_s_messages_go_in_their_order(
        self, store: Store, sender: Sender, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        """A failed attempt holds back what comes after it."""
        names = [f"status-update:{number}" for number in range(5)]
        for name in names:
            put_message(store, ids, name, receiver.url)
        receiver.script(200, 500, 500, 200)
        while (wait := deliver(sender, ids)) is not None:
            clock.pass_by(wait)
        second = names[1]
        assert keys(receiver.requests) == [names[0], second, second, second, *names[2:]]

    @pytest.mark.parametrize("status", [400, 401, 404, 405, 422])
    def test_refused_updates_do_not_hold_back_the_report(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver, status: int
    ) -> None:
        """A server that knows only reports; the first attempts are in order all the same."""
        for name in CALL:
            put_message(store, ids, name, receiver.url)
        receiver.script(status, status, status, 200)
        assert deliver(sender, ids)
        assert keys(receiver.requests) == CALL
        states = [row["state"] for row in rows_of(store, ids)]
        assert states == ["pending", "pending", "pending", "delivered"]

    def test_refused_updates_are_tried_to_the_end(
        self, store: Store, sender: Sender, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        for name in CALL[:2]:
            put_message(store, ids, name, receiver.url)
        receiver.reply = 404
        while (wait := deliver(sender, ids)) is not None:
            assert wait > 0  # else the job would spin
            clock.pass_by(wait)
        assert [(row["state"], row["attempts"]) for row in rows_of(store, ids)] == [
            ("failed", len(DELIVERY_SCHEDULE))
        ] * 2

    @pytest.mark.parametrize(
        "status",
        [
            500,
            503,
            408,  # of the 4xx these speak of the moment
            425,
            429,
            307,
        ],
    )
    def test_a_receiver_in_trouble_is_waited_for(
        self, store: Store, sender: Sender, clock: Clock, ids: Ids, receiver: Receiver, status: int
    ) -> None:
        for name in CALL:
            put_message(store, ids, name, receiver.url)
        receiver.script(status)
        wait = deliver(sender, ids)
        assert wait
        assert keys(receiver.requests) == CALL[:1]
        clock.pass_by(wait)
        assert deliver(sender, ids) is None
        assert keys(receiver.requests) == [CALL[0], *CALL]

    def test_it_is_waited_for_behind_a_refused_message_too(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        for name in CALL:
            put_message(store, ids, name, receiver.url)
        receiver.script(404, 503)
        assert deliver(sender, ids)
        assert keys(receiver.requests) == CALL[:2]

    def test_no_message_overtakes_an_older_one_by_its_clock(
        self, store: Store, sender: Sender, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        """Written by two machines, of which the first is a minute ahead."""
        put_message(store, ids, "a", receiver.url, at=LONG_AGO + timedelta(minutes=1))
        put_message(store, ids, "b", receiver.url)
        wait = deliver(sender, ids)
        assert wait == 60
        clock.pass_by(wait)
        assert deliver(sender, ids) is None
        assert keys(receiver.requests) == ["a", "b"]

    def test_nothing_to_do(self, sender: Sender, ids: Ids) -> None:
        assert deliver(sender, ids) is None
        assert sender({"callId": "unheard of"}) is None


class TestInterruption:
    def test_what_was_sent_but_not_recorded_is_sent_again(
        self, store: Store, sender: Sender, ids: Ids, receiver: Receiver
    ) -> None:
        """As after a kill between the two: once more, under the same id."""
        put_message(store, ids, "a", receiver.url)
        with store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE message_attempts RENAME TO elsewhere")
        with pytest.raises(Exception, match="message_attempts"):
            deliver(sender, ids)
        with store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE elsewhere RENAME TO message_attempts")
        assert deliver(sender, ids) is None
        first, second = receiver.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert rows_of(store, ids)[0]["attempts"] == 1

    def test_a_call_deleted_meanwhile(
        self, store: Store, vault: Vault, settings: Settings, ids: Ids
    ) -> None:
        ended: list[float | None] = []
        with Receiver(reply=Reply(silent=True)) as silent:
            put_message(store, ids, "a", silent.url)
            sender = Sender(store, vault, settings)
            thread = threading.Thread(target=lambda: ended.append(deliver(sender, ids)))
            thread.start()
            silent.wait(1)
            with store.write() as conn:
                conn.execute(calls.delete().where(calls.c.id == ids[1]))
        thread.join()
        assert ended == [None]


@contextmanager
def delivering(store: Store, vault: Vault, settings: Settings) -> Iterator[Jobs]:
    jobs = open_jobs(store, {"deliver": Sender(store, vault, settings)})
    jobs.start()
    yield jobs
    jobs.stop()


def queue(store: Store, jobs: Jobs, ids: Ids, key: str, url: str, *, timeout: float = 20.0) -> None:
    """As the domain does it: the message and its job in one transaction."""
    with store.write() as conn:
        messages.insert(
            conn,
            org_id=ids[0],
            call_id=ids[1],
            key=key,
            type="status-update",
            url=url,
            body=json.dumps({"message": {"key": key}}),
            secret=None,
            policy={"timeoutSeconds": timeout},
            at=utc_now(),
        )
        jobs.enqueue(conn, "deliver", f"deliver:{ids[1]}", {"callId": ids[1]}, lock=ids[1])


class TestWithTheEngine:
    def test_a_receiver_down_for_three_attempts_gets_it_once(
        self, store: Store, vault: Vault, settings: Settings, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(500, 503, 429)
        with delivering(store, vault, replace(settings, delivery_schedule=SHORT)) as jobs:
            queue(store, jobs, ids, "a", receiver.url)
            receiver.wait(4)
            queue(store, jobs, ids, "b", receiver.url)
            receiver.wait(5)
        assert keys(receiver.requests) == ["a", "a", "a", "a", "b"]
        codes = [t["status_code"] for t in rows_of(store, ids)[0]["tries"]]
        assert codes == [500, 503, 429, 200]

    def test_many_calls_each_in_order(
        self, store: Store, vault: Vault, settings: Settings, receiver: Receiver
    ) -> None:
        receiver.script(*[500 if number % 7 == 0 else 200 for number in range(100)])
        every = [new_call(store) for _ in range(10)]
        names = ("1", "2", "3", "4")
        with delivering(store, vault, replace(settings, delivery_schedule=SHORT)) as jobs:
            for name in names:
                for ids in every:
                    queue(store, jobs, ids, f"{ids[1]}:{name}", receiver.url)
            receiver.wait(40)
            for ids in every:  # a last one of each call shows that all before it are through
                queue(store, jobs, ids, f"{ids[1]}:last", receiver.url)
            receiver.wait_for(  # some come twice: the receiver refuses every seventh request
                lambda came: len({k for k in keys(came) if k.endswith(":last")}) == 10
            )
        came = list(dict.fromkeys(keys(receiver.requests)))
        for ids in every:
            mine = [key.rpartition(":")[2] for key in came if key.startswith(ids[1])]
            assert mine == [*names, "last"]

    def test_what_was_queued_before_a_restart_is_sent(
        self, store: Store, vault: Vault, settings: Settings, ids: Ids, receiver: Receiver
    ) -> None:
        queue(store, open_jobs(store, {}), ids, "a", receiver.url)
        with delivering(store, vault, settings):
            assert keys(receiver.wait(1)) == ["a"]

    def test_a_receiver_that_hangs_holds_up_nobody_else(
        self, store: Store, vault: Vault, settings: Settings, receiver: Receiver
    ) -> None:
        """More calls wait for it than there are workers; another call's message goes through."""
        with (
            delivering(store, vault, settings) as jobs,
            Receiver(reply=Reply(silent=True)) as hanging,
        ):
            for _ in range(2 * WORKERS):
                queue(store, jobs, new_call(store), "a", hanging.url)
            hanging.wait(WORKERS // 2)
            queue(store, jobs, new_call(store), "b", receiver.url)
            assert keys(receiver.wait(1)) == ["b"]


@pytest.mark.parametrize("policy", [None, {"moment": True}])
@pytest.mark.parametrize(("status", "ages"), [(200, [90.0]), (500, [])])
def test_the_age_of_what_is_delivered_is_measured(
    store: Store,
    vault: Vault,
    settings: Settings,
    ids: Ids,
    clock: Clock,
    policy: dict[str, Any] | None,
    status: int,
    ages: list[float],
) -> None:
    observed = list[tuple[Timing, float]]()
    sender = Sender(
        store, vault, settings, clock, lambda timing, age: observed.append((timing, age))
    )
    clock.pass_by(90)
    with Receiver(reply=status) as receiver:
        put_message(store, ids, "a", receiver.url, policy=policy)
        deliver(sender, ids)
    assert observed == [(Timing.DELIVERY_AGE, age) for age in ages]


@pytest.mark.parametrize("status", [200, 500])
def test_one_of_a_moment_is_sent_once_and_forgotten(
    sender: Sender, store: Store, ids: Ids, status: int
) -> None:
    with Receiver(reply=status) as receiver:
        put_message(store, ids, "speech-update:1", receiver.url, policy={"moment": True})
        assert sender({"callId": ids[1]}) is None
        assert len(receiver.requests) == 1
    assert rows_of(store, ids) == []
