"""Delivery: what is sent, in which order, how often, and what is written down about it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from standardwebhooks import Webhook

from app.delivery.dispatcher import FAULT_PAUSE, HOLD, LATE, LEASE, Dispatcher
from app.delivery.fair_share import MOST, WORKERS
from app.delivery.headers import RESERVED
from app.delivery.sender import RESPONSE_KEPT
from app.domain.context import Context
from app.domain.reporting.server_messages import wake_delivery
from app.domain.timings import Timing
from app.settings import DELIVERY_SCHEDULE, Settings
from app.store import message_lists, messages, outbox
from app.store.blobs import open_blobs
from app.store.clock import utc_now
from app.store.engine import Store
from app.store.faults import TimedOut
from app.store.outbox import Result
from app.store.schema import calls
from app.store.vault import Vault
from tests.delivery.rows import (
    LONG_AGO,
    facts,
    new_call,
    put_message,
    put_old_message,
    record,
    rows_of,
    set_secrets,
)
from tests.domain.use_cases import Later
from tests.fakes.client_server import Receiver, Reply, Request
from tests.store.lost_answer import lose_one_answer

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


def context_of(store: Store, vault: Vault, settings: Settings, **more: Any) -> Context:
    blobs = open_blobs(settings.recordings_dir, None)
    return Context(settings, store, vault, {}, Later(), blobs, (), **more)


@pytest.fixture
def context(store: Store, vault: Vault, settings: Settings, clock: Clock) -> Context:
    return context_of(store, vault, settings, now=clock)


class ByHand(Dispatcher):
    """One without threads, which lives in the clock's time."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, lambda work: work())

    def deliver(self, ids: Ids) -> float | None:
        """Send what is due.

        Returns the seconds until a message of the call may be sent, or None when none is left.
        """
        while self.turn() or self.busy:
            continue
        left = []
        with self._store.read() as conn:
            for row in messages.pending(conn, ids[1]):
                left.append((row["next_at"] - self._context.now()).total_seconds())
                if not row["refused"]:
                    break
        return min(left, default=None)


@pytest.fixture
def dispatcher(context: Context) -> ByHand:
    return ByHand(context)


@pytest.fixture
def ids(store: Store) -> Ids:
    return new_call(store)


def keys(requests: list[Request]) -> list[str]:
    return [json.loads(request.body)["message"]["key"] for request in requests]


class TestRequest:
    def test_the_text_is_made_of_the_facts_and_the_call(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        """What its events change is as it was, and all else as it is."""
        put_message(store, ids, "a", receiver.url, facts=facts(key="\xfc \N{SNOWMAN}"))
        with store.write() as conn:
            new = {"status": "ended", "ended_reason": "x", "body": {"name": "new"}}
            conn.execute(calls.update().values(new))
        dispatcher.deliver(ids)
        [request] = receiver.requests
        told = json.loads(request.body)["message"]
        assert (told["key"], told["timestamp"]) == ("\xfc \N{SNOWMAN}", 1714824000000)
        assert (told["call"]["status"], told["call"]["name"]) == ("queued", "new")
        assert "endedReason" not in told["call"]
        assert request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"] == "Patchbay"

    def test_each_failed_attempt_is_a_line_of_the_log(
        self,
        store: Store,
        dispatcher: ByHand,
        clock: Clock,
        ids: Ids,
        receiver: Receiver,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        receiver.script(500, 410, 200)
        put_message(store, ids, "a", f"{receiver.url}/token-in-the-path")
        dispatcher.deliver(ids)
        clock.pass_by(60)
        dispatcher.deliver(ids)
        lines = [r.getMessage() for r in caplog.records if r.name == "app.delivery.sender"]
        message = rows_of(store, ids)[0]["id"]
        begin = f"call {ids[1]} (None): message {message} (a) to 127.0.0.1 was not delivered, "
        assert [re.sub(r"again in [4-6] s", "again in 5 s", line) for line in lines] == [
            f"{begin}attempt 1: the answer is 500; again in 5 s",
            f"{begin}attempt 2: the answer is 410; gave up",
        ]
        assert [r.__dict__["statusCode"] for r in caplog.records] == [500, 410]

    def test_it_is_the_same_at_every_attempt(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(500, 410)
        put_message(store, ids, "a", receiver.url)
        dispatcher.deliver(ids)
        with store.write() as conn:
            conn.execute(calls.update().values(body={"name": "new"}))
        clock.pass_by(60)
        dispatcher.deliver(ids)
        with store.write() as conn:
            message_lists.resend(conn, ids[1], [rows_of(store, ids)[0]["id"]], at=clock())
        dispatcher.deliver(ids)
        first, second, third = receiver.requests
        assert first.body == second.body == third.body
        assert {each.headers["webhook-id"] for each in receiver.requests} == {
            rows_of(store, ids)[0]["id"]
        }

    def test_one_of_the_version_before_goes_as_it_was_stored(
        self, store: Store, vault: Vault, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        body, old = '{"message":{"key":"\xfc \N{SNOWMAN}"}}', vault.seal({"secret": "old"})
        set_secrets(store, ids, vault.seal({"server": {"secret": "the call's"}}))
        put_old_message(store, ids, "a", receiver.url, body=body, secret=old)
        dispatcher.deliver(ids)
        [request] = receiver.requests
        assert request.body == body.encode()
        assert request.headers["x-vapi-secret"] == "old"
        assert rows_of(store, ids)[0]["body"] == body

    def test_a_secret_is_sent_and_signed_with(
        self, store: Store, vault: Vault, ids: Ids, receiver: Receiver, settings: Settings
    ) -> None:
        set_secrets(store, ids, vault.seal({"server": {"secret": SECRET}}))
        put_message(store, ids, "a", receiver.url)
        real = context_of(store, vault, settings)  # in real time: the library looks at it
        ByHand(real).deliver(ids)
        [request] = receiver.requests
        assert request.headers["x-vapi-secret"] == SECRET
        assert request.headers["webhook-id"] == rows_of(store, ids)[0]["id"]
        Webhook(SECRET).verify(request.body, dict(request.headers))

    def test_without_a_secret_there_is_neither(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        put_message(store, ids, "a", receiver.url)
        dispatcher.deliver(ids)
        headers = receiver.requests[0].headers
        assert "x-vapi-secret" not in headers
        assert "webhook-signature" not in headers
        assert headers["webhook-timestamp"] == str(int(LONG_AGO.timestamp()))

    def test_own_headers_are_sent(
        self, store: Store, vault: Vault, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        own = {"Authorization": "Bearer of good news", "X-Number": 7}
        set_secrets(store, ids, vault.seal({"server": {"headers": own}}))
        put_message(store, ids, "a", receiver.url)
        dispatcher.deliver(ids)
        headers = receiver.requests[0].headers
        assert (headers["authorization"], headers["x-number"]) == ("Bearer of good news", "7")

    @pytest.mark.parametrize("name", sorted(RESERVED | {"x-vapi-secret"}))
    def test_own_headers_cannot_replace_ours(
        self,
        store: Store,
        vault: Vault,
        dispatcher: ByHand,
        ids: Ids,
        receiver: Receiver,
        name: str,
    ) -> None:
        forged = {"secret": "s", "headers": {name.title(): "forged"}}
        set_secrets(store, ids, vault.seal({"server": forged}))
        put_message(store, ids, "a", receiver.url)
        dispatcher.deliver(ids)
        [request] = receiver.requests
        assert request.headers.get(name) != "forged"
        assert keys([request]) == ["a"]

    def test_a_header_that_breaks_out_is_an_attempt_s_failure(
        self,
        store: Store,
        vault: Vault,
        dispatcher: ByHand,
        ids: Ids,
        receiver: Receiver,
    ) -> None:
        broken = {"headers": {"X-A": "a\r\nX-B: b"}}
        set_secrets(store, ids, vault.seal({"server": broken}))
        put_message(store, ids, "a", receiver.url)
        assert dispatcher.deliver(ids)
        assert receiver.requests == []
        assert "header 'X-A'" in rows_of(store, ids)[0]["tries"][0]["error"]

    def test_with_another_secret_key_it_waits_for_the_right_one(
        self,
        store: Store,
        dispatcher: ByHand,
        ids: Ids,
        receiver: Receiver,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """An operator's mistake uses up no attempt, and other calls do not notice it."""
        sealed = Vault(("an entirely different key",)).seal({"server": {"secret": "s"}})
        set_secrets(store, ids, sealed)
        put_message(store, ids, "a", receiver.url)
        put_message(store, new_call(store), "b", receiver.url)
        wait = dispatcher.deliver(ids)
        assert keys(receiver.requests) == ["b"]
        assert "SECRET_KEY is not the one" in caplog.text
        [row] = rows_of(store, ids)
        assert (row["state"], row["attempts"], wait) == ("pending", 0, FAULT_PAUSE)


class TestRecord:
    def test_a_delivered_message(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(Reply(201, {}, b"thanks"))
        put_message(store, ids, "a", receiver.url)
        assert dispatcher.deliver(ids) is None
        [row] = rows_of(store, ids)
        assert (row["state"], row["attempts"]) == ("delivered", 1)
        [attempt] = row["tries"]
        assert (attempt["at"], attempt["status_code"], attempt["error"]) == (LONG_AGO, 201, None)
        assert attempt["response"] == "thanks"
        assert attempt["duration_ms"] >= 0

    def test_the_answer_is_kept_in_part(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        """Whatever bytes it has: NUL is not stored by PostgreSQL, and half a character by nobody."""
        receiver.script(Reply(500, {}, b"\0\xff\xe2\x98" + "\N{SNOWMAN}".encode() * 1000))
        put_message(store, ids, "a", receiver.url)
        dispatcher.deliver(ids)
        kept = rows_of(store, ids)[0]["tries"][0]["response"]
        assert len(kept) == RESPONSE_KEPT
        assert kept.endswith("\N{SNOWMAN}")
        assert "\0" not in kept

    @pytest.mark.parametrize("end", [b"}", b"", b', "x": "' + b"x" * 200_000 + b'"}'])
    def test_secrets_in_the_answer_are_not_kept(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver, end: bytes
    ) -> None:
        """A server may answer every message with its assistant: whole, broken or too long to be read."""
        own = b'{"assistant": {"name": "Ann", "server": {"url": "https://a.example", "secret": "c4n4ry"}}'
        receiver.script(Reply(200, {}, own + end))
        put_message(store, ids, "a", receiver.url)
        dispatcher.deliver(ids)
        kept = rows_of(store, ids)[0]["tries"][0]["response"]
        assert '"Ann"' in kept
        assert "c4n4ry" not in kept

    def test_a_refused_address(
        self, store: Store, vault: Vault, settings: Settings, ids: Ids, receiver: Receiver
    ) -> None:
        guarded = replace(settings, allow_private_server_urls=False)
        put_message(store, ids, "a", "http://127.0.0.1/hook")
        wait = ByHand(context_of(store, vault, guarded)).deliver(ids)
        assert wait is not None
        [attempt] = rows_of(store, ids)[0]["tries"]
        assert attempt["status_code"] is None
        assert "not a public address" in attempt["error"]
        assert receiver.requests == []

    def test_a_redirect(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(Reply(307, {"Location": receiver.url}))
        put_message(store, ids, "a", receiver.url)
        assert dispatcher.deliver(ids)
        [attempt] = rows_of(store, ids)[0]["tries"]
        assert attempt["status_code"] == 307
        assert "not followed" in attempt["error"]
        assert len(receiver.requests) == 1

    def test_no_answer_in_time(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(Reply(silent=True))
        put_message(store, ids, "a", receiver.url, policy={"timeoutSeconds": 0.2})
        wait = dispatcher.deliver(ids)
        assert wait is not None
        assert 48 <= wait <= 72  # a minute, more or less a fifth
        assert "within 0.2 s" in rows_of(store, ids)[0]["tries"][0]["error"]


class TestSchedule:
    def test_a_receiver_that_is_down_for_good(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        """All attempts of the schedule, each within a fifth of its time; then the message is failed."""
        receiver.reply = 500
        put_message(store, ids, "a", receiver.url)
        waits = []
        while (wait := dispatcher.deliver(ids)) is not None:
            waits.append(wait)
            clock.pass_by(wait)
        for seconds, planned in zip(waits, DELIVERY_SCHEDULE[1:], strict=True):
            assert 0.8 * planned <= seconds <= 1.2 * planned
        [row] = rows_of(store, ids)
        assert (row["state"], row["attempts"], len(row["tries"])) == ("failed", 10, 10)
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1

    def test_before_its_time_nothing_is_sent(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(500)
        put_message(store, ids, "a", receiver.url)
        wait = dispatcher.deliver(ids)
        assert wait is not None
        clock.pass_by(wait - 1)
        assert dispatcher.deliver(ids) == pytest.approx(1.0)
        clock.pass_by(1)
        assert dispatcher.deliver(ids) is None
        assert len(receiver.requests) == 2

    def test_gone_is_the_end(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(410)
        put_message(store, ids, "a", receiver.url)
        put_message(store, ids, "b", receiver.url)
        assert dispatcher.deliver(ids) is None
        assert [row["state"] for row in rows_of(store, ids)] == ["failed", "delivered"]

    def test_retry_after(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(Reply(503, {"Retry-After": "8"}))
        put_message(store, ids, "a", receiver.url)
        assert dispatcher.deliver(ids) == 8.0

    def test_vapi_s_plan(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.reply = 500
        plan = {"type": "exponential", "maxRetries": 2, "baseDelaySeconds": 3}
        put_message(store, ids, "a", receiver.url, policy={"backoffPlan": plan})
        waits = []
        while (wait := dispatcher.deliver(ids)) is not None:
            waits.append(wait)
            clock.pass_by(wait)
        assert waits == [3.0, 6.0]
        assert rows_of(store, ids)[0]["state"] == "failed"

    def test_a_resent_message_goes_first_and_anew(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(410)
        put_message(store, ids, "a", receiver.url)
        dispatcher.deliver(ids)
        put_message(store, ids, "b", receiver.url)
        with store.write() as conn:
            message_lists.resend(conn, ids[1], [rows_of(store, ids)[0]["id"]], at=LONG_AGO)
        dispatcher.deliver(ids)
        assert keys(receiver.requests) == ["a", "a", "b"]
        assert [row["state"] for row in rows_of(store, ids)] == ["delivered", "delivered"]

    def test_a_resent_message_goes_before_what_waits(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        """``a`` is in trouble and holds back ``c``. A person sends ``b`` again, which had failed."""
        for name in ("a", "b"):
            put_message(store, ids, name, receiver.url)
        receiver.script(404, 410)
        clock.pass_by(dispatcher.deliver(ids) or 0)
        receiver.script(503)
        put_message(store, ids, "c", receiver.url)
        wait = dispatcher.deliver(ids)
        assert wait
        assert keys(receiver.requests) == ["a", "b", "a"]
        failed = next(row for row in rows_of(store, ids) if row["key"] == "b")
        with store.write() as conn:
            assert message_lists.resend(conn, ids[1], [failed["id"]], at=clock()) == 1
        dispatcher.deliver(ids)
        assert keys(receiver.requests) == ["a", "b", "a", "b"]
        clock.pass_by(wait)
        dispatcher.deliver(ids)
        assert keys(receiver.requests) == ["a", "b", "a", "b", "a", "c"]

    def test_several_resent_messages_keep_their_order(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        for name in ("a", "b", "c", "d"):
            put_message(store, ids, name, receiver.url)
        for name in ("a", "c", "d"):
            record(store, ids, name, state=messages.FAILED)
        with store.write() as conn:
            every = [row["id"] for row in rows_of(store, ids)]
            assert message_lists.resend(conn, ids[1], every, at=clock(), failed_only=True) == 3
        dispatcher.deliver(ids)
        assert keys(receiver.requests) == ["a", "c", "d", "b"]


class TestOrder:
    def test_a_call_s_messages_go_in_their_order(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        """A failed attempt holds back what comes after it."""
        names = [f"status-update:{number}" for number in range(5)]
        for name in names:
            put_message(store, ids, name, receiver.url)
        receiver.script(200, 500, 500, 200)
        while (wait := dispatcher.deliver(ids)) is not None:
            clock.pass_by(wait)
        second = names[1]
        assert keys(receiver.requests) == [names[0], second, second, second, *names[2:]]

    @pytest.mark.parametrize("status", [400, 401, 404, 405, 422])
    def test_refused_updates_do_not_hold_back_the_report(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver, status: int
    ) -> None:
        """A server that knows only reports; the first attempts are in order all the same."""
        for name in CALL:
            put_message(store, ids, name, receiver.url)
        receiver.script(status, status, status, 200)
        assert dispatcher.deliver(ids)
        assert keys(receiver.requests) == CALL
        states = [row["state"] for row in rows_of(store, ids)]
        assert states == ["pending", "pending", "pending", "delivered"]

    def test_refused_updates_are_tried_to_the_end(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        for name in CALL[:2]:
            put_message(store, ids, name, receiver.url)
        receiver.reply = 404
        while (wait := dispatcher.deliver(ids)) is not None:
            assert wait > 0  # else it would spin
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
        self,
        store: Store,
        dispatcher: ByHand,
        clock: Clock,
        ids: Ids,
        receiver: Receiver,
        status: int,
    ) -> None:
        for name in CALL:
            put_message(store, ids, name, receiver.url)
        receiver.script(status)
        wait = dispatcher.deliver(ids)
        assert wait
        assert keys(receiver.requests) == CALL[:1]
        clock.pass_by(wait)
        assert dispatcher.deliver(ids) is None
        assert keys(receiver.requests) == [CALL[0], *CALL]

    def test_it_is_waited_for_behind_a_refused_message_too(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        for name in CALL:
            put_message(store, ids, name, receiver.url)
        receiver.script(404, 503)
        assert dispatcher.deliver(ids)
        assert keys(receiver.requests) == CALL[:2]

    def test_no_message_overtakes_an_older_one_by_its_clock(
        self, store: Store, dispatcher: ByHand, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        """Written by two machines, of which the first is a minute ahead."""
        put_message(store, ids, "a", receiver.url, at=LONG_AGO + timedelta(minutes=1))
        put_message(store, ids, "b", receiver.url)
        wait = dispatcher.deliver(ids)
        assert wait == 60
        clock.pass_by(wait)
        assert dispatcher.deliver(ids) is None
        assert keys(receiver.requests) == ["a", "b"]

    def test_nothing_to_do(self, dispatcher: ByHand, ids: Ids) -> None:
        assert dispatcher.deliver(ids) is None


class TestInterruption:
    def test_what_was_sent_but_not_stored_is_sent_again(
        self,
        store: Store,
        context: Context,
        dispatcher: ByHand,
        clock: Clock,
        ids: Ids,
        receiver: Receiver,
    ) -> None:
        """As after a kill between the two: once more, under the same id, by the next process."""
        put_message(store, ids, "a", receiver.url)
        killed = ByHand(context)
        killed.turn()  # the result waits for the next turn
        clock.pass_by(LEASE)
        assert dispatcher.deliver(ids) is None
        first, second = receiver.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert rows_of(store, ids)[0]["attempts"] == 1

    def test_a_result_waits_for_the_store(
        self, store: Store, dispatcher: ByHand, ids: Ids, receiver: Receiver
    ) -> None:
        """The message is not sent again meanwhile."""
        put_message(store, ids, "a", receiver.url)
        dispatcher.turn()
        with store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE message_attempts RENAME TO elsewhere")
        for _ in range(2):
            with pytest.raises(Exception, match="message_attempts"):
                dispatcher.turn()
        with store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE elsewhere RENAME TO message_attempts")
        assert dispatcher.deliver(ids) is None
        assert len(receiver.requests) == 1
        assert rows_of(store, ids)[0]["attempts"] == 1

    def test_a_result_that_cannot_be_stored_stops_no_other(
        self, store: Store, dispatcher: ByHand, ids: Ids, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored = outbox.record

        def record(conn: Connection, results: list[Result], now: datetime, **more: Any) -> None:
            if any(each.message["key"] == "bad" for each in results):
                raise ValueError("not in this database")
            stored(conn, results, now, **more)

        monkeypatch.setattr(outbox, "record", record)
        others = [new_call(store) for _ in range(3)]
        with Receiver() as receiver:
            for each, key in zip((ids, *others), ("bad", "a", "b", "c"), strict=True):
                put_message(store, each, key, receiver.url)
            dispatcher.turn()
            for _ in range(4):
                with suppress(ValueError):
                    dispatcher.turn()
        states = [rows_of(store, each)[0]["state"] for each in (ids, *others)]
        assert states == ["pending", "delivered", "delivered", "delivered"]

    def test_an_attempt_counts_once_though_the_answer_of_its_commit_was_lost(
        self, store: Store, dispatcher: ByHand, ids: Ids, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lost = lose_one_answer(monkeypatch, store, lambda: dispatcher.busy)
        with Receiver(reply=500) as receiver:
            put_message(store, ids, "a", receiver.url)
            dispatcher.turn()
            with pytest.raises(TimedOut):
                dispatcher.turn()
            stored = rows_of(store, ids)
            dispatcher.turn()
        assert lost
        assert not dispatcher.busy
        assert rows_of(store, ids) == stored
        assert (stored[0]["attempts"], len(stored[0]["tries"])) == (1, 1)

    def test_a_call_deleted_meanwhile(
        self, store: Store, context: Context, ids: Ids, receiver: Receiver
    ) -> None:
        begun: list[Callable[[], None]] = []
        dispatcher = Dispatcher(context, begun.append)
        other = new_call(store)
        for each in (ids, other):
            put_message(store, each, "a", receiver.url)
        dispatcher.turn()
        for work in begun:
            work()
        with store.write() as conn:
            conn.execute(calls.delete().where(calls.c.id == ids[1]))
        dispatcher.turn()
        assert dispatcher.busy == 0
        assert [row["state"] for row in rows_of(store, other)] == ["delivered"]

    def test_what_waits_for_an_older_message_follows_it_at_once(
        self, store: Store, context: Context, clock: Clock, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(500)
        for name in CALL:
            put_message(store, ids, name, receiver.url)
        wait = ByHand(context).deliver(ids)
        assert wait is not None
        dispatcher = ByHand(context)
        assert dispatcher.deliver(ids) == wait  # it looks for what to hold when it begins
        assert {row["next_at"] for row in rows_of(store, ids)[1:]} == {
            LONG_AGO + timedelta(seconds=HOLD)
        }
        clock.pass_by(wait)
        assert dispatcher.deliver(ids) is None
        assert keys(receiver.requests) == [CALL[0], *CALL]


class TestFailuresBeforeTheAttempt:
    """What fails between the look for messages and their attempts costs no receiver its share."""

    def test_a_store_that_fails_then_delays_messages_only(
        self, store: Store, dispatcher: ByHand, receiver: Receiver
    ) -> None:
        if store.is_sqlite:
            return  # it leases nothing
        queued = [new_call(store) for _ in range(MOST)]
        for number, ids in enumerate(queued):
            put_message(store, ids, str(number), receiver.url)
        with leases_fail(store), pytest.raises(DBAPIError):
            dispatcher.turn()
        for ids in queued:
            dispatcher.deliver(ids)
        assert len(receiver.requests) == MOST

    @pytest.mark.parametrize("lost", ["answer", "thread"])
    def test_what_was_leased_and_not_begun_is_sent_as_soon_as_it_can_be(
        self, store: Store, context: Context, ids: Ids, receiver: Receiver, lost: str
    ) -> None:
        """Nobody else sends it, so its lease would only be waited for."""
        put_message(store, ids, "a", receiver.url)
        other = new_call(store)
        put_message(store, other, "b", receiver.url)
        dispatcher, failing = ByHand(context), pytest.MonkeyPatch()
        if lost == "answer":
            failing.setattr(dispatcher, "_calls_of", no_answer)
        else:
            failing.setattr(dispatcher, "_spawn", no_answer)
        with pytest.raises(TimedOut):
            dispatcher.turn()
        failing.undo()
        for each in (ids, other):
            assert dispatcher.deliver(each) is None
        assert sorted(keys(receiver.requests)) == ["a", "b"]

    def test_a_lease_that_another_process_has_by_now_is_not_given_back(
        self, store: Store, context: Context, clock: Clock, ids: Ids
    ) -> None:
        if store.is_sqlite:
            return  # it leases nothing
        put_message(store, ids, "a", "https://client.example")
        stuck, failing = ByHand(context), pytest.MonkeyPatch()
        failing.setattr(stuck, "_spawn", no_answer)
        with pytest.raises(TimedOut):
            stuck.turn()
        clock.pass_by(LEASE)
        Dispatcher(context, lambda work: None).turn()
        failing.setattr(stuck, "_spawn", lambda work: pytest.fail("it is sent elsewhere"))
        stuck.turn()
        assert rows_of(store, ids)[0]["leased_until"] == clock() + timedelta(seconds=LEASE)

    def test_a_call_that_cannot_be_read_holds_up_no_other(
        self, store: Store, dispatcher: ByHand, clock: Clock, receiver: Receiver
    ) -> None:
        unknown, known = new_call(store), new_call(store)
        put_message(store, unknown, "a", receiver.url)
        set_status(store, unknown, "parked")  # by a newer version
        for number in range(MOST):  # as often as would cost the receiver all of its share
            put_message(store, known, str(number), receiver.url)
            dispatcher.deliver(known)
            clock.pass_by(FAULT_PAUSE)
        assert len(receiver.requests) == MOST
        set_status(store, unknown, "queued")
        dispatcher.deliver(unknown)
        assert keys(receiver.requests)[-1] == "a"


def no_answer(*_: object) -> None:
    raise TimedOut


def set_status(store: Store, ids: Ids, status: str) -> None:
    with store.write() as conn:
        conn.execute(calls.update().where(calls.c.id == ids[1]).values(status=status))


@contextmanager
def leases_fail(store: Store) -> Iterator[None]:
    """The database refuses every lease of a message meanwhile."""
    rule = "CONSTRAINT no_lease"
    with store.write() as conn:
        conn.exec_driver_sql(f"ALTER TABLE messages ADD {rule} CHECK (leased_until IS NULL)")
    yield
    with store.write() as conn:
        conn.exec_driver_sql(f"ALTER TABLE messages DROP {rule}")


@pytest.fixture
def live(store: Store, vault: Vault, settings: Settings) -> Context:
    """In real time, with short waits."""
    return context_of(store, vault, replace(settings, delivery_schedule=SHORT))


@contextmanager
def delivering(context: Context, **more: Any) -> Iterator[Dispatcher]:
    dispatcher = Dispatcher(context, **more)
    dispatcher.start()
    yield dispatcher
    dispatcher.stop()


def queue(context: Context, ids: Ids, key: str, url: str, *, timeout: float = 20.0) -> None:
    """As the domain does it."""
    with context.store.write() as conn:
        messages.insert(
            conn,
            org_id=ids[0],
            call_id=ids[1],
            key=key,
            type="status-update",
            url=url,
            facts=facts(key=key),
            policy={"timeoutSeconds": timeout},
            at=utc_now(),
        )
        wake_delivery(context, conn)


def another_process(context: Context) -> Context:
    return replace(context, message_queued=threading.Event())


class TestInItsThreads:
    def test_a_receiver_down_for_three_attempts_gets_it_once(
        self, store: Store, live: Context, ids: Ids, receiver: Receiver
    ) -> None:
        receiver.script(500, 503, 429)
        with delivering(live):
            queue(live, ids, "a", receiver.url)
            receiver.wait(4)
            queue(live, ids, "b", receiver.url)
            receiver.wait(5)
        assert keys(receiver.requests) == ["a", "a", "a", "a", "b"]
        codes = [t["status_code"] for t in rows_of(store, ids)[0]["tries"]]
        assert codes == [500, 503, 429, 200]

    def test_many_calls_each_in_order(
        self, store: Store, live: Context, receiver: Receiver
    ) -> None:
        receiver.script(*[500 if number % 7 == 0 else 200 for number in range(100)])
        every = [new_call(store) for _ in range(10)]
        names = ("1", "2", "3", "4")
        with delivering(live):
            for name in names:
                for ids in every:
                    queue(live, ids, f"{ids[1]}:{name}", receiver.url)
            receiver.wait(40)
            for ids in every:  # a last one of each call shows that all before it are through
                queue(live, ids, f"{ids[1]}:last", receiver.url)
            receiver.wait_for(  # some come twice: the receiver refuses every seventh request
                lambda came: len({k for k in keys(came) if k.endswith(":last")}) == 10
            )
        came = list(dict.fromkeys(keys(receiver.requests)))
        for ids in every:
            mine = [key.rpartition(":")[2] for key in came if key.startswith(ids[1])]
            assert mine == [*names, "last"]

    def test_what_was_queued_before_a_restart_is_sent(
        self, live: Context, ids: Ids, receiver: Receiver
    ) -> None:
        queue(live, ids, "a", receiver.url)
        with delivering(live):
            assert keys(receiver.wait(1)) == ["a"]

    def test_it_gives_way_before_each_turn(
        self, live: Context, ids: Ids, receiver: Receiver
    ) -> None:
        free, asked = threading.Event(), threading.Event()

        def give_way() -> None:
            asked.set()
            free.wait()

        with delivering(live, give_way=give_way):
            queue(live, ids, "a", receiver.url)
            assert asked.wait(20)
            assert receiver.requests == []
            free.set()
            receiver.wait(1)

    def test_it_does_not_give_way_while_a_message_is_late(
        self, live: Context, ids: Ids, receiver: Receiver
    ) -> None:
        """One that waits for its turn behind requests arrives all the same, however many they are."""
        asked, free = threading.Event(), threading.Event()

        def give_way() -> None:
            if asked.is_set():
                free.wait()  # there are requests for ever
            asked.set()

        late = replace(live, now=lambda: datetime.now(UTC) + 2 * LATE)
        queue(live, ids, "a", receiver.url)
        queue(live, ids, "b", receiver.url)
        with delivering(late, give_way=give_way):
            assert keys(receiver.wait(2)) == ["a", "b"]
            free.set()

    def test_what_another_process_queues_is_noticed(
        self, live: Context, ids: Ids, receiver: Receiver
    ) -> None:
        other = another_process(live)
        with delivering(live):
            queue(other, ids, "a", receiver.url)
            assert keys(receiver.wait(1)) == ["a"]

    def test_a_receiver_that_hangs_holds_up_nobody_else(
        self, store: Store, live: Context, receiver: Receiver
    ) -> None:
        """More calls wait for it than there are workers; another call's message goes through."""
        with delivering(live), Receiver(reply=Reply(silent=True)) as hanging:
            for _ in range(2 * WORKERS):
                queue(live, new_call(store), "a", hanging.url)
            hanging.wait(MOST)
            queue(live, new_call(store), "b", receiver.url)
            assert keys(receiver.wait(1)) == ["b"]
            assert len(hanging.requests) == MOST

    def test_a_stop_waits_for_what_is_being_sent(
        self, store: Store, live: Context, ids: Ids
    ) -> None:
        with Receiver(reply=Reply(silent=True)) as silent, delivering(live) as dispatcher:
            queue(live, ids, "a", silent.url, timeout=0.3)
            silent.wait(1)
            dispatcher.stop()
        assert len(rows_of(store, ids)[0]["tries"]) == 1
        assert dispatcher.busy == 0

    def test_two_share_the_work_and_send_nothing_twice(
        self, store: Store, live: Context, receiver: Receiver
    ) -> None:
        """Two processes: on PostgreSQL both deliver, on SQLite one."""
        every = [new_call(store) for _ in range(20)]
        for name in ("1", "2"):
            for ids in every:
                queue(live, ids, f"{ids[1]}:{name}", receiver.url)
        with delivering(live), delivering(another_process(live)):
            came = keys(receiver.wait(40))
        assert sorted(came) == sorted(f"{ids[1]}:{name}" for ids in every for name in ("1", "2"))
        for ids in every:
            mine = [key for key in came if key.startswith(ids[1])]
            assert mine == sorted(mine)

    def test_the_next_process_takes_over(self, live: Context, ids: Ids, receiver: Receiver) -> None:
        with delivering(live):
            with delivering(another_process(live)) as second:
                pass
            second.start()
        queue(live, ids, "a", receiver.url)
        try:
            assert keys(receiver.wait(1)) == ["a"]
        finally:
            second.stop()

    def test_a_killed_process_s_message_is_sent_after_its_lease(
        self, store: Store, live: Context, ids: Ids, receiver: Receiver
    ) -> None:
        if store.is_sqlite:
            return  # the kernel frees the lock of a killed process
        queue(live, ids, "a", receiver.url)
        killed = Dispatcher(live, lambda work: None, lease=0.2)
        killed.turn()
        assert killed.busy == 1
        with delivering(live):
            assert keys(receiver.wait(1)) == ["a"]

    def test_a_long_attempt_keeps_its_lease(
        self, store: Store, live: Context, ids: Ids, receiver: Receiver
    ) -> None:
        if store.is_sqlite:
            return  # one process delivers
        now = utc_now()
        queue(live, ids, "a", receiver.url)
        at = [now]
        slow = Dispatcher(replace(live, now=lambda: at[0]), lambda work: None, lease=0.0)
        slow.turn()
        at[0] += timedelta(minutes=5)
        slow.turn()
        assert rows_of(store, ids)[0]["leased_until"] == at[0]


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
    context = context_of(
        store, vault, settings, now=clock, observe=lambda *span: observed.append(span)
    )
    clock.pass_by(90)
    with Receiver(reply=status) as receiver:
        put_message(store, ids, "a", receiver.url, policy=policy)
        ByHand(context).deliver(ids)
    assert observed == [(Timing.DELIVERY_AGE, age) for age in ages]


@pytest.mark.parametrize("status", [200, 500])
def test_one_of_a_moment_is_sent_once_and_forgotten(
    dispatcher: ByHand, store: Store, ids: Ids, status: int
) -> None:
    with Receiver(reply=status) as receiver:
        put_message(store, ids, "speech-update:1", receiver.url, policy={"moment": True})
        assert dispatcher.deliver(ids) is None
        assert len(receiver.requests) == 1
    assert rows_of(store, ids) == []


def test_one_of_a_moment_behind_another_goes_in_order(
    dispatcher: ByHand, store: Store, ids: Ids, receiver: Receiver
) -> None:
    for key in ("speech-update:1", "a", "speech-update:2"):
        policy = {"moment": True} if key != "a" else None
        put_message(store, ids, key, receiver.url, policy=policy)
    assert dispatcher.deliver(ids) is None
    assert keys(receiver.requests) == ["speech-update:1", "a", "speech-update:2"]
