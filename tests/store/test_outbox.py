"""What may be sent now, who sends it, and what is stored of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from app.store import message_lists, messages, outbox
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.outbox import Dropped, Tried, Untried
from app.store.schema import calls, message_attempts
from app.store.schema import messages as table
from tests.delivery.rows import LONG_AGO, new_call, put_message, record, rows_of
from tests.store.together import overtaken, race

URL = "https://client.example/hook"
OTHER = "https://other.example:8443/hook"
LATER = LONG_AGO + timedelta(seconds=5)

Ids = tuple[str, str]


@pytest.fixture
def ids(store: Store) -> Ids:
    return new_call(store)


def put(store: Store, ids: Ids, *keys: str) -> None:
    for key in keys:
        put_message(store, ids, key, URL)


def sendable(store: Store, now: datetime = LONG_AGO, **but: Any) -> list[str]:
    """The keys of what may be sent."""
    with store.read() as conn:
        return [row["key"] for row in outbox.sendable(conn, now, 10, **but)]


def retried(store: Store, ids: Ids, key: str, *, refused: bool = False) -> None:
    """An attempt failed; the next one is due later."""
    failed = Attempt(LONG_AGO, 1, 404 if refused else 500)
    record(store, ids, key, failed, state=messages.PENDING, until=LATER, refused=refused)


def hold(conn: Connection, until: datetime) -> None:
    """Put off what waits for an older message."""
    outbox.hold(conn, outbox.held(conn, LONG_AGO, 10), LONG_AGO, until)


class TestOrder:
    def test_of_each_call_the_oldest(self, store: Store, ids: Ids) -> None:
        other = new_call(store)
        put(store, ids, "a", "b")
        put(store, other, "c", "d")
        assert sorted(sendable(store)) == ["a", "c"]
        record(store, ids, "a")
        assert sorted(sendable(store)) == ["b", "c"]

    def test_one_that_waits_holds_back_the_later_ones(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b")
        retried(store, ids, "a")
        assert sendable(store) == []
        assert sendable(store, LATER) == ["a"]

    def test_a_refused_one_holds_back_nothing(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b", "c")
        retried(store, ids, "a", refused=True)
        assert sendable(store) == ["b"]
        assert sendable(store, LATER) == ["a"]  # its own time has come
        retried(store, ids, "b")
        assert sendable(store) == []

    def test_not_of_a_busy_call_or_a_full_receiver(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a")
        put_message(store, new_call(store), "b", OTHER)
        assert sendable(store, busy_calls=[ids[1]]) == ["b"]
        assert sendable(store, full_receivers=["other.example:8443"]) == ["a"]

    def test_the_longest_due_first(self, store: Store) -> None:
        for age, key in ((2, "b"), (1, "a"), (3, "c"), (99, "not yet")):
            put_message(store, new_call(store), key, URL, at=LONG_AGO + timedelta(seconds=age))
        assert sendable(store, LATER) == ["a", "b", "c"]


def test_the_look_uses_the_index_of_what_is_due(store: Store) -> None:
    """Delivered messages are kept, and there may be millions."""
    if not store.is_sqlite:
        return  # PostgreSQL chooses by its statistics
    with store.read() as conn:
        plan = "\n".join(_plan(conn))
    assert "SEARCH messages USING INDEX ix_messages_due" in plan
    assert "SCAN messages" not in plan
    assert "TEMP B-TREE" not in plan  # a sort would read all that is due
    assert "other USING INDEX ix_messages_pending" in plan


def _plan(conn: Connection) -> Iterator[str]:
    outbox.sendable(conn, LONG_AGO, 1)  # it compiles the statement
    text = outbox._SENDABLE(())._compiled[True].text
    for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (0,) * text.count("?")):
        yield row[-1]


class TestHold:
    def test_what_waits_for_another_comes_up_less_often(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b", "c")
        retried(store, ids, "a")
        with store.write() as conn:
            found = outbox.held(conn, LONG_AGO, 10)
            outbox.hold(conn, found, LONG_AGO, LONG_AGO + timedelta(minutes=1))
            assert outbox.held(conn, LONG_AGO, 10) == []
        first, second, third = rows_of(store, ids)
        assert {*found} == {second["id"], third["id"]}
        assert second["next_at"] == third["next_at"] == LONG_AGO + timedelta(minutes=1)
        assert first["next_at"] == LATER

    def test_nothing_that_may_be_sent(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b", "c")
        retried(store, ids, "a", refused=True)
        with store.read() as conn:
            assert outbox.held(conn, LONG_AGO, 10) == []  # "c" follows "b" in a moment

    @pytest.mark.parametrize("then", ["delivered", "failed", "refused", "resent"])
    def test_it_ends_with_what_was_waited_for(self, store: Store, ids: Ids, then: str) -> None:
        put(store, ids, "a", "b")
        retried(store, ids, "a")
        with store.write() as conn:
            hold(conn, LONG_AGO + timedelta(minutes=1))
        if then == "refused":
            retried(store, ids, "a", refused=True)
        elif then == "resent":
            with store.write() as conn:
                message_lists.resend(conn, ids[1], [rows_of(store, ids)[0]["id"]], at=LONG_AGO)
        else:
            record(store, ids, "a", state=then)
        assert rows_of(store, ids)[1]["next_at"] == LONG_AGO

    @pytest.mark.parametrize("at_last", ["delivered", "dropped"])
    def test_it_ends_with_one_that_was_put_off_before_its_first_attempt(
        self, store: Store, ids: Ids, at_last: str
    ) -> None:
        """It could not be made, by a fault of ours. Its attempts are none, and it held all the same."""
        put(store, ids, "a", "b")
        first, _ = rows_of(store, ids)
        minute = LONG_AGO + timedelta(minutes=1)
        with store.write() as conn:
            outbox.record(conn, [Untried(first, LATER)], LONG_AGO)
            hold(conn, minute)
        assert rows_of(store, ids)[1]["next_at"] == minute
        first, _ = rows_of(store, ids)
        sent = Tried(first, "", Attempt(LATER, 1, 200), messages.DELIVERED, LATER)
        with store.write() as conn:
            outbox.record(conn, [sent if at_last == "delivered" else Dropped(first)], LATER)
        assert sendable(store, LATER) == ["b"]

    def test_nothing_whose_older_one_is_over_since_the_look(self, store: Store, ids: Ids) -> None:
        """Another process has delivered it, and nothing would end the hold."""
        put(store, ids, "a", "b")
        retried(store, ids, "a")
        with store.read() as conn:
            found = outbox.held(conn, LONG_AGO, 10)
        record(store, ids, "a")
        with store.write() as conn:
            outbox.hold(conn, found, LONG_AGO, LONG_AGO + timedelta(minutes=1))
        assert sendable(store) == ["b"]

    @pytest.mark.parametrize("then", ["delivered", "refused"])
    def test_nothing_whose_older_one_ends_meanwhile(
        self, store: Store, ids: Ids, then: str
    ) -> None:
        if store.is_sqlite:
            return  # it has one writer at a time
        put(store, ids, "a", "b")
        retried(store, ids, "a")

        def first() -> None:
            if then == "refused":
                retried(store, ids, "a", refused=True)
            else:
                record(store, ids, "a")

        waiting = [rows_of(store, ids)[1]["id"]]

        def put_off(conn: Connection) -> None:
            outbox.hold(conn, waiting, LONG_AGO, LONG_AGO + timedelta(minutes=1))

        overtaken(store, "messages", put_off, first)
        assert sendable(store) == ["b"]

    def test_another_failure_does_not_end_it(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b")
        retried(store, ids, "a")
        with store.write() as conn:
            hold(conn, LONG_AGO + timedelta(minutes=1))
        retried(store, ids, "a")
        assert rows_of(store, ids)[1]["next_at"] == LONG_AGO + timedelta(minutes=1)


class TestLease:
    def lease(self, conn: Connection, keys: dict[str, str], now: datetime) -> set[str]:
        got = outbox.lease(conn, [*keys], now, now + timedelta(seconds=30))
        return {keys[each] for each in got}

    def test_one_of_several_gets_a_message(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a")
        put(store, new_call(store), "b")
        with store.read() as conn:
            keys = {row["id"]: row["key"] for row in outbox.sendable(conn, LONG_AGO, 10)}
        got = race(store, 4, lambda conn, _: self.lease(conn, keys, LONG_AGO))
        assert sorted(key for each in got for key in each) == ["a", "b"]
        assert sendable(store) == []

    def test_not_one_that_was_leased_since_the_statement_began(
        self, store: Store, ids: Ids
    ) -> None:
        """PostgreSQL looks again at the row it locks, but at no other row of a subquery."""
        if store.is_sqlite:
            return  # it has one writer at a time
        put(store, ids, "a")
        (row,) = rows_of(store, ids)

        def lease(conn: Connection) -> set[str]:
            return self.lease(conn, {row["id"]: "a"}, LONG_AGO)

        def first() -> None:
            with store.write() as conn:
                assert lease(conn) == {"a"}

        assert overtaken(store, "messages", lease, first) == set()

    def test_no_other_of_its_call_is_sent_meanwhile(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b")
        retried(store, ids, "a", refused=True)
        _, second = (row["id"] for row in rows_of(store, ids))
        with store.write() as conn:
            assert self.lease(conn, {second: "b"}, LONG_AGO) == {"b"}
        assert sendable(store, LATER) == []  # "a", else
        record(store, ids, "b")
        assert sendable(store, LATER) == ["a"]

    def test_after_its_end_another_takes_over(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a")
        (row,) = rows_of(store, ids)
        with store.write() as conn:
            self.lease(conn, {row["id"]: "a"}, LONG_AGO)
        over = LONG_AGO + timedelta(seconds=30)
        assert sendable(store, over - timedelta(seconds=1)) == []
        assert sendable(store, over) == ["a"]
        with store.write() as conn:
            outbox.renew(conn, [row["id"]], over + timedelta(seconds=1))
        assert sendable(store, over) == []


class TestRecord:
    def test_attempts_are_counted_and_kept(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a")
        unanswered = Attempt(LONG_AGO, 12, error="no answer")
        record(store, ids, "a", unanswered, state=messages.PENDING, until=LATER, text="as sent")
        record(store, ids, "a", Attempt(LATER, 7, 500, None, "oops"), state=messages.FAILED)
        (row,) = rows_of(store, ids)
        assert (row["state"], row["attempts"], row["body"]) == ("failed", 2, "as sent")
        kept = [(t["at"], t["duration_ms"], t["status_code"], t["error"]) for t in row["tries"]]
        assert kept == [(LONG_AGO, 12, None, "no answer"), (LATER, 7, 500, None)]
        assert row["tries"][1]["response"] == "oops"

    @pytest.mark.parametrize(
        ("over", "late", "then"),
        [
            ("delivered", "pending", "delivered"),
            ("delivered", "failed", "delivered"),
            ("failed", "pending", "failed"),
            ("failed", "delivered", "delivered"),
        ],
    )
    def test_what_is_over_stays_so(
        self, store: Store, ids: Ids, over: str, late: str, then: str
    ) -> None:
        """A process without its lease may end after its successor. What it delivered is delivered."""
        put(store, ids, "a", "b")
        before, _ = rows_of(store, ids)
        record(store, ids, "a", state=over)
        tried = Tried(before, "", Attempt(LATER, 1, 500), late, LATER)
        with store.write() as conn:
            outbox.record(conn, [tried], LATER)
        row, _ = rows_of(store, ids)
        assert row["state"] == then
        assert len(row["tries"]) == 2
        assert sendable(store, LATER) == ["b"]

    def test_a_body_is_kept_byte_for_byte(self, store: Store, ids: Ids) -> None:
        """It is what was signed."""
        put(store, ids, "a")
        text = '{"b": 1,\t"a":"Gr\u00fc\\u00dfe",  "n":1.0}'
        record(store, ids, "a", text=text)
        assert rows_of(store, ids)[0]["body"] == text

    def test_many_at_once(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b", "c", "d")
        one, two, three, four = rows_of(store, ids)
        with store.write() as conn:
            outbox.record(
                conn,
                [
                    Tried(one, "1", Attempt(LONG_AGO, 1, 200), messages.DELIVERED, LONG_AGO),
                    Tried(two, "2", Attempt(LONG_AGO, 1, 404), messages.PENDING, LATER, True),
                    Dropped(three),
                    Untried(four, LATER),
                ],
                LONG_AGO,
            )
        found = [(r["key"], r["state"], r["attempts"], r["refused"]) for r in rows_of(store, ids)]
        assert found == [
            ("a", "delivered", 1, False),
            ("b", "pending", 1, True),
            ("d", "pending", 0, False),
        ]
        assert [len(row["tries"]) for row in rows_of(store, ids)] == [1, 1, 0]
        assert rows_of(store, ids)[2]["next_at"] == LATER

    def test_of_a_deleted_call_nothing(self, store: Store, ids: Ids) -> None:
        """The others of its transaction are stored."""
        put(store, ids, "a")
        other = new_call(store)
        put(store, other, "b")
        both = [*rows_of(store, ids), *rows_of(store, other)]
        with store.write() as conn:
            conn.execute(calls.delete().where(calls.c.id == ids[1]))
        sent = Attempt(LONG_AGO, 1, 200)
        with store.write() as conn:
            results = [Tried(row, "", sent, messages.DELIVERED, LONG_AGO) for row in both]
            outbox.record(conn, results, LONG_AGO)
            left = conn.execute(message_attempts.select()).all()
        assert [row.message_id for row in left] == [both[1]["id"]]

    def test_attempts_made_at_once_are_all_counted(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a")
        (row,) = rows_of(store, ids)

        def failed(conn: Connection, number: int) -> None:
            attempt = Attempt(LONG_AGO, number, 500)
            outbox.record(conn, [Tried(row, "", attempt, messages.PENDING, LATER)], LONG_AGO)

        race(store, 8, failed)
        (row,) = rows_of(store, ids)
        assert row["attempts"] == 8
        assert sorted(each["duration_ms"] for each in row["tries"]) == [*range(8)]

    def test_what_is_stored_again_beside_the_first_commit_counts_once(
        self, store: Store, ids: Ids
    ) -> None:
        """The answer of that commit was lost while the server still made it."""
        if store.is_sqlite:
            return  # it has one writer at a time
        put(store, ids, "a")
        (row,) = rows_of(store, ids)
        attempt = Attempt(LONG_AGO, 1, 500)
        tried = Tried(row, text="{}", attempt=attempt, state=messages.PENDING, until=LATER)

        def store_again(conn: Connection) -> None:
            outbox.record(conn, [tried], LONG_AGO, again=True)

        def first() -> None:
            with store.write() as conn:
                outbox.record(conn, [tried], LONG_AGO)

        overtaken(store, "messages", store_again, first)
        (row,) = rows_of(store, ids)
        assert (row["attempts"], len(row["tries"])) == (1, 1)

    def test_a_lease_ends_with_it(self, store: Store, ids: Ids) -> None:
        put(store, ids, "a", "b")
        with store.write() as conn:
            conn.execute(table.update().values(leased_until=LATER))
        one, two = rows_of(store, ids)
        with store.write() as conn:
            tried = Tried(one, "", Attempt(LONG_AGO, 1, 500), messages.PENDING, LATER)
            outbox.record(conn, [tried, Untried(two, LATER)], LONG_AGO)
        assert [row["leased_until"] for row in rows_of(store, ids)] == [None, None]
