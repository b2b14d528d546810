"""What goes out together on PostgreSQL: in order, as one transaction, and with every error told."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, cast

import pytest
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy import exc

from app import deadline
from app.store import calls, events
from app.store import pipeline as pipeline_module
from app.store.connection import Connection, Statement
from app.store.engine import Store, insert
from app.store.faults import Deadlocked, Undone, sentence
from app.store.kept import kept
from app.store.prepared import Prepared
from app.store.schema import call_events, orgs
from app.store.schema import calls as call_table
from providers.events import EventKind
from tests.store.rows import START, add_call, add_org, event
from tests.store.test_changes import org
from tests.store.test_faults import BRIEF, backends, frozen

NAME = Prepared(sa.select(orgs.c.name).where(orgs.c.id == sa.bindparam("org")))
END_THIS = "SELECT pg_terminate_backend(pg_backend_pid())"
AT_COMMIT = """
    CREATE FUNCTION end_this() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER end_this AFTER INSERT ON orgs DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION end_this()
"""


@pytest.fixture
def postgresql(store: Store) -> Store:
    """SQLite sends nothing: what is to hold there too is in ``test_changes.py``.

    Skipped there, not left out: the files that the first run collects are those of the second.
    """
    if store.is_sqlite:
        pytest.skip("SQLite has no round trips")
    return store


def names(store: Store) -> list[str]:
    with store.read() as conn:
        return [name for (name,) in conn.execute(sa.select(orgs.c.name).order_by(orgs.c.name))]


def pipeline(conn: Any) -> Any:
    return cast("Connection", conn).pipeline


def put_org(conn: Any, id: str) -> None:
    insert(conn, orgs, org(id))


def test_each_statement_has_its_own_answer(postgresql: Store) -> None:
    asked = [
        Statement("SELECT %s::int, 'a %% sign'", (1,)),
        Statement("CREATE TEMP TABLE t (a int, b text)"),
        Statement("INSERT INTO t SELECT n, %s FROM generate_series(1, %s::int) AS n", (None, 3)),
        Statement("SELECT a, b FROM t ORDER BY a"),
        Statement("SELECT 1 WHERE false"),
    ]
    with postgresql.read() as conn:
        for _ in range(2):  # the second time with what was prepared
            answers = pipeline(conn).run(asked)
            assert [each.rowcount for each in answers] == [1, 0, 3, 3, 0]
            assert answers[0].fetchone() == (1, "a % sign")
            assert answers[3].fetchall() == [(1, None), (2, None), (3, None)]
            assert answers[4].fetchone() is None
            pipeline(conn).run([Statement("DROP TABLE t")])


def test_more_than_the_network_holds_goes_both_ways(postgresql: Store) -> None:
    """Neither side waits for the other to read."""
    text = "x" * 100_000
    with postgresql.read() as conn:
        answers = pipeline(conn).run([Statement("SELECT %s::text", (text,))] * 100)
    assert all(answer.fetchone() == (text,) for answer in answers)


def test_the_first_error_is_told_and_nothing_after_it_runs(postgresql: Store) -> None:
    insert_a = Statement("INSERT INTO orgs (id) VALUES ('a')")
    with postgresql.read() as conn:
        with pytest.raises(Exception, match="null value") as caught:
            pipeline(conn).run([Statement("SELECT 1"), insert_a, Statement("SELECT nonsense")])
        assert type(caught.value).__name__ == "NotNullViolation"
        assert pipeline(conn).run([Statement("SELECT 2")])[0].fetchone() == (2,)
    assert names(postgresql) == []


def test_a_commit_is_not_made_when_a_change_before_it_fails(postgresql: Store) -> None:
    def write(conn: sa.Connection) -> None:
        NAME.one(conn, {"org": "a"})  # a transaction of several round trips
        put_org(conn, "a")
        put_org(conn, "b")
        put_org(conn, "a")

    with pytest.raises(exc.IntegrityError), postgresql.write() as conn:
        write(conn)
    assert names(postgresql) == []


@pytest.mark.parametrize("way", ["prepared", "sql", "change"])
def test_a_block_that_goes_on_after_an_error_is_told_that_nothing_is_stored(
    postgresql: Store, way: str
) -> None:
    """PostgreSQL answers ROLLBACK to its COMMIT, and calls that no error."""

    def write(conn: sa.Connection) -> None:
        put_org(conn, "a")
        NAME.one(conn, {"org": "a"})
        with suppress(exc.DBAPIError):
            if way == "sql":
                conn.exec_driver_sql("SELECT 1 / 0")
            elif way == "prepared":
                cast("Connection", conn).ask("SELECT 1 / 0", ())
            else:
                put_org(conn, "a")
                NAME.one(conn, {"org": "a"})

    with pytest.raises(Undone), postgresql.write() as conn:
        write(conn)
    assert names(postgresql) == []


@pytest.mark.parametrize("asks", [False, True])
def test_a_block_without_a_statement_leaves_no_transaction_to_the_next(
    postgresql: Store, asks: bool
) -> None:
    with postgresql.write() as conn:
        if asks:  # outside of it
            kept(conn, "a", lambda: NAME.scalar(conn, {"org": "a"}) and None)
    with postgresql.read() as again:
        NAME.one(again, {"org": "a"})
        put_org(again, "a")
        assert again is conn
        assert again.raw.pgconn.transaction_status == TransactionStatus.IDLE
    postgresql.close()
    assert names(postgresql) == ["a"]


def test_a_statement_is_prepared_once_however_often_it_goes_out(postgresql: Store) -> None:
    with postgresql.write() as conn:
        for number in range(20):
            put_org(conn, f"{number}")
        prepared = cast("Connection", conn).ask("SELECT name FROM pg_prepared_statements", ())
    assert len(prepared.fetchall()) == 3  # with BEGIN and this one


def test_more_statements_than_are_kept_prepared_are_parsed_each_time(
    postgresql: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "MOST_PREPARED", 2)
    asked = [Statement(f"SELECT {number}, %s::int", (number,)) for number in (1, 2, 3, 4, 3)]
    with postgresql.read() as conn:
        for _ in range(2):
            answers = [each.fetchone() for each in pipeline(conn).run(asked)]
            assert answers == [(number, number) for number in (1, 2, 3, 4, 3)]
        found = cast("Connection", conn).ask("SELECT count(*) FROM pg_prepared_statements", ())
    assert found.fetchone() == (2,)


def test_a_column_with_another_type_costs_one_error_of_each_connection(postgresql: Store) -> None:
    """A migration changes it while a version before this one still runs."""
    look = Prepared(sa.text("SELECT type FROM changing"))
    with postgresql.write() as conn:
        conn.exec_driver_sql("CREATE TABLE changing (type integer)")
    with postgresql.read() as conn:
        assert look.one(conn, {}) is None
    migration = Store(postgresql.url.render_as_string(hide_password=False))
    with migration.write() as conn:
        conn.exec_driver_sql("ALTER TABLE changing ALTER type TYPE bigint")
    with pytest.raises(exc.DBAPIError, match="cached plan"), postgresql.read() as conn:
        look.one(conn, {})
    with postgresql.read() as conn:
        assert look.one(conn, {}) is None
    with migration.write() as conn:
        conn.exec_driver_sql("DROP TABLE changing")
    migration.close()


def test_a_deadlock_of_changes_at_the_commit_is_told(postgresql: Store) -> None:
    with postgresql.write() as conn:
        a, b = (add_call(conn, org) for org in (add_org(conn), add_org(conn)))
    both, outcomes = threading.Barrier(2), list[str]()

    def change(first: str, then: str) -> None:
        try:
            with postgresql.write() as conn:
                calls.get(conn, first, lock=True)
                both.wait()
                calls.update(conn, then, {"status": "ringing"})
            outcomes.append("done")
        except Deadlocked:
            outcomes.append("deadlocked")

    threads = [threading.Thread(target=change, args=pair) for pair in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["deadlocked", "done"]


@pytest.mark.parametrize("asks", [False, True])
def test_an_answer_that_does_not_come_ends_the_connection(postgresql: Store, asks: bool) -> None:
    with postgresql.read():
        pass
    stuck = backends(postgresql)

    def write(conn: sa.Connection) -> None:
        put_org(conn, "a")
        if asks:
            NAME.one(conn, {"org": "a"})

    with frozen(stuck), deadline.within(BRIEF):
        with pytest.raises(exc.OperationalError) as caught, postgresql.write() as conn:
            write(conn)
        assert sentence(caught.value) == "does not answer in time"
    assert pipeline(conn).is_lost
    with postgresql.write() as conn:
        put_org(conn, "b")
    assert not set(backends(postgresql)) & set(stuck)
    assert "b" in names(postgresql)


def test_sqlalchemy_gets_no_answer_of_a_connection_that_lost_one(postgresql: Store) -> None:
    """The next answer there is that of the statement before."""
    with postgresql.read():
        pass
    stuck = backends(postgresql)
    with postgresql.read() as conn:
        with frozen(stuck), deadline.within(BRIEF):
            conn.renew()
            with pytest.raises(exc.OperationalError):
                NAME.one(conn, {"org": "a"})
        conn.renew()
        with pytest.raises(exc.OperationalError):
            conn.exec_driver_sql("SELECT 5")
    with postgresql.read():  # it is not in the pool, though its error was caught
        pass
    assert not set(backends(postgresql)) & set(stuck)


@pytest.mark.parametrize("kept", [0, 1])
def test_a_value_that_cannot_be_sent_costs_its_connection_alone(
    postgresql: Store, kept: int
) -> None:
    """Half a surrogate pair is an error of Python's, when a part is with libpq already."""
    postgresql._pool._kept = kept
    for _ in range(postgresql._pool._room.qsize() + 1):
        with pytest.raises(UnicodeEncodeError), postgresql.write() as conn:
            put_org(conn, "\ud800")  # goes out with the commit
    assert names(postgresql) == []


def test_a_lost_connection_is_not_used_again_though_its_error_was_caught(
    postgresql: Store,
) -> None:
    with postgresql.write() as conn:
        with pytest.raises(exc.DBAPIError):
            cast("Connection", conn).ask(END_THIS, ())
        conn.awaits_begin = True  # as if nothing had been asked: nothing is committed
    with postgresql.read() as again:
        assert again is not conn
        assert NAME.one(again, {"org": "a"}) is None


def test_a_commit_whose_answer_is_lost_is_told(postgresql: Store) -> None:
    """Whether it was made is not known then: the carrier sends its request again."""
    with postgresql.write() as conn:
        conn.exec_driver_sql(AT_COMMIT)

    def write(conn: sa.Connection) -> None:
        NAME.one(conn, {"org": "a"})
        put_org(conn, "a")

    with pytest.raises(exc.DBAPIError) as caught, postgresql.write() as conn:
        write(conn)
    assert sentence(caught.value) in {"shuts down", "not reachable"}
    assert names(postgresql) == []  # by another connection
    with postgresql.write() as conn:  # the next test has the same database
        conn.exec_driver_sql("DROP FUNCTION end_this CASCADE")


# ------------------------------------------------------------------ questions that go along


@pytest.fixture
def call(postgresql: Store) -> str:
    with postgresql.write() as conn:
        return add_call(conn, add_org(conn))


def keys(conn: sa.Connection, call_id: str) -> list[str]:
    return [each.key for each in events.of_call(conn, call_id)]


def test_a_log_is_read_behind_the_lock(postgresql: Store, call: str) -> None:
    """It has what the transaction before has added, however long the lock was waited for."""
    found, locked, begun = list[str](), threading.Event(), threading.Event()

    def wait() -> None:
        locked.wait()
        with postgresql.write() as conn:
            events.foresee(conn, call)
            begun.set()
            calls.get(conn, call, lock=True)
            found.extend(keys(conn, call))

    waiter = threading.Thread(target=wait)
    waiter.start()
    with postgresql.write() as conn:
        calls.get(conn, call, lock=True)
        locked.set()
        begun.wait()
        with postgresql.read() as watcher:
            while not watcher.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").scalar():
                pass
        events.add(conn, call, event(EventKind.NOTE, "new"), START)
    waiter.join()
    assert found == ["new"]


def test_an_answer_that_came_along_is_given_once(postgresql: Store, call: str) -> None:
    with postgresql.write() as conn:
        events.foresee(conn, call)
        calls.get(conn, call, lock=True)
        assert len(cast("Connection", conn).answered) == 1
        assert keys(conn, call) == []
        assert not cast("Connection", conn).answered
        events.add(conn, call, event(EventKind.NOTE, "new"), START)
        assert keys(conn, call) == ["new"]


def test_a_change_of_its_table_makes_an_answer_old(postgresql: Store, call: str) -> None:
    with postgresql.write() as conn:
        events.foresee(conn, call)
        calls.get(conn, call, lock=True)
        calls.update(conn, call, {"status": "ringing"})  # another table
        assert cast("Connection", conn).answered
        events.add(conn, call, event(EventKind.NOTE, "new"), START)
        assert keys(conn, call) == ["new"]


@pytest.mark.parametrize("word", ["append", "sql"])
def test_so_does_a_change_whose_outcome_is_asked_for(
    postgresql: Store, call: str, word: str
) -> None:
    with postgresql.write() as conn:
        events.foresee(conn, call)
        calls.get(conn, call, lock=True)
        if word == "append":
            events.append(conn, call, event(EventKind.NOTE, "new"), START)
        else:
            conn.exec_driver_sql(
                "INSERT INTO call_events (call_id, key, kind, source, at, received_at, generic, "
                f"data, raw) VALUES ('{call}', 'new', 'note', '', 0, 0, false, '{{}}', '{{}}')"
            )
        assert keys(conn, call) == ["new"]


@pytest.mark.parametrize("asks", [False, True])
def test_nothing_foreseen_is_left_by_a_block_without_a_transaction(
    postgresql: Store, call: str, asks: bool
) -> None:
    with postgresql.read() as conn:
        events.foresee(conn, call)
        if asks:
            calls.get(conn, call)
    with postgresql.read() as again:
        assert again is conn
        assert not again.foreseen
        assert not again.answered


def test_a_log_is_read_behind_the_lock_whatever_the_server_prefers(postgresql: Store) -> None:
    database = postgresql.url.database
    with postgresql.write() as conn:
        conn.exec_driver_sql(
            f"ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read'"
        )
    postgresql.close()
    with postgresql.write() as conn:
        level = cast("Connection", conn).ask("SHOW transaction_isolation", ())
        conn.exec_driver_sql(f"ALTER DATABASE {database} RESET default_transaction_isolation")
    assert level.fetchone() == ("read committed",)


_note = sa.select(call_events.c.call_id).where(call_events.c.key == "new")
PARTS: dict[str, Prepared] = {
    "join": Prepared(
        sa.select(call_table.c.id).join(call_events, call_events.c.call_id == call_table.c.id)
    ),
    "exists": Prepared(sa.select(call_table.c.id).where(call_table.c.id.in_(_note))),
    "with": Prepared(sa.select(_note.cte("notes").c.call_id)),
    "union": Prepared(sa.union_all(_note, _note)),
    "words": Prepared(sa.text("SELECT call_id FROM call_events")),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_table_within_a_question_makes_its_answer_old_as_well(
    postgresql: Store, call: str, part: str
) -> None:
    with postgresql.write() as conn:
        PARTS[part].foresee(conn, {})
        calls.get(conn, call, lock=True)
        events.add(conn, call, event(EventKind.NOTE, "new"), START)
        assert PARTS[part].scalar(conn, {}) == call


def test_nothing_that_came_along_is_left_to_the_next_block(postgresql: Store, call: str) -> None:
    with postgresql.write() as conn:
        events.foresee(conn, call)
        calls.get(conn, call, lock=True)
    with postgresql.write() as conn:
        events.add(conn, call, event(EventKind.NOTE, "new"), START)
    with postgresql.write() as conn:
        assert keys(conn, call) == ["new"]
