"""How long PostgreSQL may keep us waiting: on each connection, on the server, in the network.

A frozen server answers nothing, and its kernel still acknowledges what we send. Neither the
network's limits nor the server's own help then. So every wait for an answer has an end of its own. The
connection is of no use afterwards. https://www.postgresql.org/docs/current/libpq-connect.html
https://www.psycopg.org/psycopg3/docs/api/connections.html
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection, Notify
from psycopg.abc import PQGen
from sqlalchemy import URL

CONNECT_SECONDS = 3
NETWORK: Mapping[str, int] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,  # milliseconds
}
"""Parameters of each connection that DATABASE_URL does not set itself."""
LIMITS: Mapping[str, str] = {
    "statement_timeout": "15s",
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_isolation": "read committed",
}
"""Settings of each session. The third frees what a process held that is cut off.

The last is needed where the server has another default. What is read behind a lock must have what
its last holder has written.
"""
MIGRATION_LIMITS: Mapping[str, str] = {
    "statement_timeout": "0",
    "lock_timeout": "300s",
    "idle_in_transaction_session_timeout": "0",
}
"""A migration may take as long as it takes."""
JOB_SECONDS = 5.0
"""For one answer to the job runner."""

SET = "SELECT set_config(name, value, {local}) FROM (VALUES {values}) AS limits (name, value)"
EVER = float("inf")


def statement(limits: Mapping[str, str], *, local: bool) -> str:
    """Sets the limits, for the session or for the transaction."""
    values = ", ".join(f"('{name}', '{value}')" for name, value in limits.items())
    return SET.format(local="true" if local else "false", values=values)


LIMIT_SESSION = statement(LIMITS, local=False)
LIMIT_MIGRATION = statement(MIGRATION_LIMITS, local=True)


def network(url: URL) -> dict[str, int]:
    """The parameters that this address needs beside its own."""
    return {name: value for name, value in NETWORK.items() if name not in url.query}


class BoundedConnection(Connection[Any]):
    """A connection whose answers must come by ``until``, by ``time.monotonic``."""

    until = EVER

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is None and self.until != EVER:
            timeout = max(0.0, self.until - time.monotonic())
        return super().wait(gen, interval, timeout)


class BoundedAsyncConnection(AsyncConnection[Any]):
    """The job runner's connection: each answer must come in ``JOB_SECONDS``."""

    async def wait(
        self,
        gen: PQGen[Any],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
    ) -> Any:
        return await super().wait(gen, interval, JOB_SECONDS if timeout is None else timeout)

    def notifies(
        self, *, timeout: float | None = None, stop_after: int | None = None
    ) -> AsyncGenerator[Notify]:
        """Wait for ``JOB_SECONDS`` at a time: the caller then looks whether the server answers."""
        return super().notifies(timeout=timeout or JOB_SECONDS, stop_after=stop_after)


def connect(arguments: Any, parameters: Any) -> BoundedConnection:
    """A new connection, with its session's limits set."""
    connection = BoundedConnection.connect(*arguments, **parameters)
    connection.until = time.monotonic() + CONNECT_SECONDS
    try:
        connection.autocommit = True
        connection.execute(LIMIT_SESSION)
        connection.autocommit = False
    except psycopg.Error:
        connection.close()
        raise
    return connection


async def limit_session(connection: AsyncConnection[Any]) -> None:
    """Set the limits of a session of the job runner."""
    await connection.execute(LIMIT_SESSION)
    await connection.commit()
