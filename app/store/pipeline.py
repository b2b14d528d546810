"""Sends several statements to PostgreSQL at once, and then reads their answers: one round trip.

psycopg's own pipeline mode takes more processor time than the round trips that it saves. This one is
libpq's, on the same connection, with psycopg's adaptation of values. One ``Sync`` ends all
statements. So after an error none of the later ones runs. Without a ``BEGIN`` they are one transaction.
https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from psycopg import OperationalError, errors
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from app.store.postgresql import BoundedConnection

MOST_PREPARED = 1000
"""Statements that one connection keeps prepared. Later ones are parsed each time."""
LOST = "the connection is lost"
HAS_ROWS, IS_OVER = ExecStatus.TUPLES_OK, ExecStatus.PIPELINE_SYNC
GOOD = frozenset({HAS_ROWS, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY})


class Answer(NamedTuple):
    """What one statement returned, read as a driver's cursor is."""

    rows: Sequence[tuple[Any, ...]]
    rowcount: int
    """The rows that it changed or returned."""

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None

    def fetchall(self) -> Sequence[tuple[Any, ...]]:
        return self.rows


class Pipeline:
    """The pipeline of one connection, which has prepared each statement after its first use."""

    def __init__(self, raw: BoundedConnection) -> None:
        self._raw = raw
        self._transformer = Transformer(raw)
        self._names = dict[str, bytes]()
        self._numbers = count()
        self.is_lost = False
        """Whether an answer did not come. The connection is of no use then."""

    @property
    def is_undone(self) -> bool:
        """Whether a statement of the transaction has failed. It can only be rolled back then."""
        return self._raw.pgconn.transaction_status == TransactionStatus.INERROR

    def run(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[Answer]:
        """Run these, texts with ``%s`` and their values, in their order.

        Raises psycopg's error of the first that fails.
        """
        if self.is_lost:
            raise OperationalError(LOST)
        self.is_lost = True  # until the last answer is there
        pgconn = self._raw.pgconn
        pgconn.enter_pipeline_mode()
        new = dict[int, tuple[str, bytes]]()  # text and name by the place of the answer
        names = dict[str, bytes]()  # of this time, by text
        place = 0
        for text, values in statements:
            name = self._names.get(text) or names.get(text)
            if name is None:
                name = self._new_name(len(names))
                pgconn.send_prepare(name, numbered(text))
                new[place] = text, name
                if name:
                    names[text] = name
                place += 1
            pgconn.send_query_prepared(name, self._dumped(values))
            place += 1
        pgconn.pipeline_sync()
        results = self._raw.wait(_answers(pgconn))
        pgconn.exit_pipeline_mode()
        self.is_lost = False
        return self._read(results, new)

    def _new_name(self, others: int) -> bytes:
        """Empty, as of one that is parsed each time, when with the others there are enough."""
        if len(self._names) + others < MOST_PREPARED:
            return b"p%d" % next(self._numbers)
        return b""

    def _dumped(self, values: Sequence[Any]) -> Sequence[Any] | None:
        if not values:
            return None
        return self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))

    def _read(self, results: Sequence[PGresult], new: dict[int, tuple[str, bytes]]) -> list[Answer]:
        answers = list[Answer]()
        for place, result in enumerate(results):
            if result.status not in GOOD:
                raise errors.error_from_result(result)
            if place in new:
                text, name = new[place]
                if name:
                    self._names[text] = name
            elif result.status == HAS_ROWS:
                self._transformer.set_pgresult(result)
                rows = self._transformer.load_rows(0, result.ntuples, tuple)
                answers.append(Answer(rows, result.ntuples))
            else:
                answers.append(Answer((), result.command_tuples or 0))
        return answers


def _answers(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Send what is buffered, and read until the ``Sync``."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:  # a server that waits for us to read reads nothing
            pgconn.consume_input()
    results = list[PGresult]()
    while True:
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # the end of one statement's results
            if pgconn.status == ConnStatus.BAD:
                raise OperationalError(LOST)
        elif result.status == IS_OVER:
            return results
        else:
            results.append(result)


@lru_cache(maxsize=1000)
def numbered(text: str) -> bytes:
    """The text as the server wants it: ``$1``, ``$2`` ... for ``%s``, and ``%`` for ``%%``."""
    numbers = count(1)
    found = re.sub(r"%(s|%)", lambda each: f"${next(numbers)}" if each[1] == "s" else "%", text)
    return found.encode()
