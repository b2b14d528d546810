"""The tables, for SQLite and PostgreSQL alike. Only Alembic's migrations create them.

Times are integers (microseconds since 1970, UTC), so that both databases store and compare them
alike. Secrets are in ``secret`` columns only, encrypted (``vault.py``). API keys and used tokens
are stored as digests.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


class Time(sa.types.TypeDecorator[datetime]):
    """An aware datetime, stored as microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(int(value))


# An autoincrementing key on both databases.
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


def _org() -> sa.Column[str]:
    return sa.Column("org_id", sa.ForeignKey("orgs.id"), nullable=False)


def _times() -> tuple[sa.Column[datetime], sa.Column[datetime]]:
    return (
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
    )


orgs = sa.Table(
    "orgs",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("server_url", sa.Text),
    sa.Column("secret", sa.LargeBinary),  # {"serverSecret"}
    sa.Column("owner_callback_url", sa.Text),
    *_times(),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    _id(),
    _org(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("prefix", sa.String(16), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("revoked_at", Time),
)

# Of the dashboard. Each opens one session; its row is deleted then.
login_tokens = sa.Table(
    "login_tokens",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    _org(),
    sa.Column("role", sa.String(8), nullable=False),  # act | look
    sa.Column("created_at", Time, nullable=False),
    sa.Column("expires_at", Time, nullable=False),
)

# Of ``patchbay import``: what an object was at Vapi, and what was stored of it here.
imports = sa.Table(
    "imports",
    metadata,
    sa.Column("org_id", sa.ForeignKey("orgs.id"), primary_key=True),
    sa.Column("kind", sa.String(32), primary_key=True),  # tool, assistant, ...
    sa.Column("source_id", sa.String(255), primary_key=True),  # Vapi's id, or a file's name
    sa.Column("object_id", sa.String(36), nullable=False),  # ours
    sa.Column("source_mac", sa.String(64), nullable=False),  # keyed: the body may hold secrets
    sa.Column("stored_digest", sa.String(64), nullable=False),  # of the body without secrets
    sa.Column("imported_at", Time, nullable=False),
)

credentials = sa.Table(
    "credentials",
    metadata,
    _id(),
    _org(),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("account_ref", sa.String(64), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),  # what may be shown
    sa.Column("secret", sa.LargeBinary),
    sa.Column("managed", sa.Boolean, nullable=False),  # came with a number or the environment
    *_times(),
    sa.Index(None, "provider", "account_ref"),
    sa.Index(None, "org_id", "created_at"),
)

assistants = sa.Table(
    "assistants",
    metadata,
    _id(),
    _org(),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("secret", sa.LargeBinary),
    *_times(),
    sa.Index(None, "org_id", "created_at"),
)

tools = sa.Table(
    "tools",
    metadata,
    _id(),
    _org(),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("secret", sa.LargeBinary),
    *_times(),
    sa.Index(None, "org_id", "created_at"),
)

squads = sa.Table(
    "squads",
    metadata,
    _id(),
    _org(),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("secret", sa.LargeBinary),  # of its own assistants and overrides
    *_times(),
    sa.Index(None, "org_id", "created_at"),
)

structured_outputs = sa.Table(
    "structured_outputs",
    metadata,
    _id(),
    _org(),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("secret", sa.LargeBinary),  # of its model's server
    *_times(),
    sa.Index(None, "org_id", "created_at"),
)

# Their contents are in the store of recordings, their texts in chunks.
files = sa.Table(
    "files",
    metadata,
    _id(),
    _org(),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("blob", sa.String(256), nullable=False),  # key of the file (blobs.py)
    *_times(),
    sa.Index(None, "org_id", "created_at"),
)

# The index of their words is no table of SQLAlchemy's (migration 0013, store/files.py).
file_chunks = sa.Table(
    "file_chunks",
    metadata,
    sa.Column("id", Counter, primary_key=True, autoincrement=True),
    sa.Column("file_id", sa.ForeignKey("files.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
)

customers = sa.Table(
    "customers",
    metadata,
    _id(),
    _org(),
    sa.Column("body", sa.JSON, nullable=False),
    *_times(),
    sa.Index(None, "org_id", "created_at"),
)

phone_numbers = sa.Table(
    "phone_numbers",
    metadata,
    _id(),
    _org(),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("number", sa.String(64), nullable=False),
    sa.Column("credential_id", sa.ForeignKey("credentials.id"), nullable=False),
    sa.Column("assistant_id", sa.String(36)),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("secret", sa.LargeBinary),  # {"serverUrlSecret"}
    *_times(),
    sa.Index(None, "provider", "number"),
    sa.Index(None, "org_id", "created_at"),
)

calls = sa.Table(
    "calls",
    metadata,
    _id(),
    _org(),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("provider_call_id", sa.String(128)),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("ended_reason", sa.String(96)),
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    sa.Column("settled_at", Time),
    sa.Column("bypass", sa.Boolean, nullable=False),
    sa.Column("max_duration", sa.Integer, nullable=False),
    sa.Column("assistant_id", sa.String(36)),
    sa.Column("customer_id", sa.String(36)),
    sa.Column("phone_number_id", sa.String(36)),
    sa.Column("credential_id", sa.String(36)),
    sa.Column("body", sa.JSON, nullable=False),  # the rest of the Call, as clients see it
    sa.Column("resolved", sa.JSON, nullable=False),  # what the ids meant at creation
    sa.Column("secret", sa.LargeBinary),  # {"details", "serverSecret", ...}
    sa.Column("timers", sa.JSON(none_as_null=True)),  # NULL: they are jobs (calls/timer_jobs.py)
    sa.Column("next_timer_at", Time),  # the earliest of them
    sa.Column("stream", sa.String(32)),  # of the media socket that it has now
    *_times(),
    sa.Column("squad_id", sa.String(36)),
    sa.Index(None, "org_id", "created_at", "id"),
)
HAS_TIMER = calls.c.next_timer_at.is_not(None)
IS_UNSETTLED, IS_SETTLED = calls.c.settled_at.is_(None), calls.c.settled_at.is_not(None)
LATE = timedelta(minutes=15)
"""``updated_late`` calls changed so long after their creation."""
IS_UPDATED_LATE = calls.c.updated_at > calls.c.created_at + sa.literal_column(
    str(LATE // _MICROSECOND), sa.BigInteger
)


def _partial(name: str, where: sa.ColumnElement[bool], *columns: sa.Column[Any]) -> sa.Index:
    """An index over some rows. SQLite uses it for queries that have the same term."""
    return sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


# Requests write none of these but the first: a call enters the others when it is settled, or late.
# ``call_lists.py`` puts both together.
_partial("ix_calls_unsettled", IS_UNSETTLED, calls.c.org_id, calls.c.created_at, calls.c.id)
for _column in ("assistant_id", "phone_number_id", "provider_call_id", "ended_reason"):
    _partial(
        f"ix_calls_settled_{_column}",
        IS_SETTLED,
        calls.c.org_id,
        calls.c[_column],
        calls.c.created_at,
        calls.c.id,
    )
_partial(
    "ix_calls_settled_squad_id",
    sa.and_(IS_SETTLED, calls.c.squad_id.is_not(None)),
    calls.c.org_id,
    calls.c.squad_id,
    calls.c.created_at,
    calls.c.id,
)
_partial("ix_calls_next_timer_at", HAS_TIMER, calls.c.next_timer_at)
_partial("ix_calls_updated_late", IS_UPDATED_LATE, calls.c.org_id, calls.c.updated_at)

recordings = sa.Table(
    "recordings",
    metadata,
    _id(),
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False),
    _org(),
    sa.Column("kind", sa.String(16), nullable=False),  # mono, stereo
    sa.Column("source", sa.String(16), nullable=False),  # who recorded: carrier, assistant
    sa.Column("ref", sa.String(128), nullable=False),  # the source's own name; "" while untold
    sa.Column("url", sa.Text),  # where the carrier keeps it
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("mime", sa.String(64)),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("blob", sa.String(256)),  # key of the file (blobs.py)
    sa.Column("created_at", Time, nullable=False),
    sa.UniqueConstraint("call_id", "kind", "source", "ref"),
    sa.Index(None, "state", "created_at"),
)

call_refs = sa.Table(
    "call_refs",
    metadata,
    sa.Column("provider", sa.String(32), primary_key=True),
    sa.Column("org_id", sa.ForeignKey("orgs.id"), primary_key=True),
    sa.Column("ref", sa.String(128), primary_key=True),  # a leg or conversation of the carrier
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
)

# Used media tokens. Other tokens are derived (``domain/calls/tokens.py``), except those of calls
# that the version before created: all their tokens have a row.
call_tokens = sa.Table(
    "call_tokens",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("purpose", sa.String(16), nullable=False),  # media | callback | upstream
    sa.Column("data", sa.JSON),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("expires_at", Time),
    sa.Column("used_at", Time),
)

call_events = sa.Table(
    "call_events",
    metadata,
    sa.Column("id", Counter, primary_key=True, autoincrement=True),
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("source", sa.String(32), nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("received_at", Time, nullable=False),
    sa.Column("sequence", sa.Integer),
    sa.Column("reason", sa.String(96)),
    sa.Column("unanswered_reason", sa.String(96)),
    sa.Column("generic", sa.Boolean, nullable=False),
    sa.Column("stream", sa.String(32)),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("raw", sa.JSON, nullable=False),
    sa.Column("token", sa.String(32)),  # digest: the carrier signs one request with it
    sa.UniqueConstraint("call_id", "key"),
)
_HAS_TOKEN = call_events.c.token.is_not(None)
sa.Index(
    "uq_call_events_token",
    call_events.c.token,
    unique=True,
    sqlite_where=_HAS_TOKEN,
    postgresql_where=_HAS_TOKEN,
)

call_commands = sa.Table(
    "call_commands",
    metadata,
    sa.Column("id", Counter, primary_key=True, autoincrement=True),  # their order
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("taken_at", Time),  # by the process that holds the call's socket
    sa.Index(None, "call_id", "taken_at"),
)

messages = sa.Table(
    "messages",
    metadata,
    _id(),
    sa.Column("seq", sa.BigInteger, nullable=False),  # order within the call
    _org(),
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False),
    sa.Column("key", sa.String(100), nullable=False),  # status-update:ended, end-of-call-report
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("receiver", sa.String(300), nullable=False),  # host and port of the URL
    sa.Column("facts", sa.JSON),  # of its event; the text is made of them (message_text.py)
    sa.Column("body", sa.Text, nullable=False),  # as sent, byte for byte; "" until it is written
    sa.Column("secret", sa.LargeBinary),  # of rows without facts: {"secret", "headers"}
    sa.Column("policy", sa.JSON),  # Vapi's backoffPlan, timeoutSeconds
    sa.Column("state", sa.String(16), nullable=False),  # pending | delivered | failed
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),  # by the last answer: holds back nothing
    sa.Column("next_at", Time, nullable=False),
    sa.Column("leased_until", Time),  # by the process that sends it; PostgreSQL only
    *_times(),
    sa.UniqueConstraint("call_id", "key"),
)
# Pending messages are few, so these stay small. SQLite uses them for queries that spell this term.
IS_PENDING = messages.c.state == sa.literal_column("'pending'")
_partial("ix_messages_pending", IS_PENDING, messages.c.call_id, messages.c.seq)
_partial("ix_messages_due", IS_PENDING, messages.c.next_at, messages.c.receiver)
IS_FAILED = messages.c.state == sa.literal_column("'failed'")
_partial("ix_messages_failed", IS_FAILED, messages.c.state)

message_attempts = sa.Table(
    "message_attempts",
    metadata,
    sa.Column("id", Counter, primary_key=True, autoincrement=True),
    sa.Column(
        "message_id", sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("at", Time, nullable=False),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("status_code", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("response", sa.Text),  # its beginning
)

# What carriers have sent to the flow's owner by way of us (owner_callbacks.py).
owner_callbacks = sa.Table(
    "owner_callbacks",
    metadata,
    sa.Column("id", Counter, primary_key=True, autoincrement=True),  # their order
    _org(),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("lane", sa.String(32), nullable=False),  # of one call at the carrier
    sa.Column("key", sa.String(200), nullable=False),  # of its event: the carrier may repeat it
    sa.Column("call_ref", sa.String(128)),
    sa.Column("leg_ref", sa.String(128)),
    # NULL: not known yet
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), index=True),
    sa.Column("signers", sa.JSON, nullable=False),  # ids of the credentials that verified it
    sa.Column("method", sa.String(8), nullable=False),
    sa.Column("signed_url", sa.Text, nullable=False),  # without its query
    sa.Column("secret", sa.LargeBinary),  # {"headers", "body", "query"}: the signature is a header
    sa.Column("url", sa.Text),  # the owner's; NULL: there is none
    sa.Column("receiver", sa.String(300)),  # host and port of it
    sa.Column("state", sa.String(16), nullable=False),  # pending | delivered | failed | kept
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("status_code", sa.Integer),  # of the last attempt
    sa.Column("error", sa.Text),
    sa.Column("next_at", Time, nullable=False),
    *_times(),
    sa.UniqueConstraint("lane", "key"),
    sa.Index(None, "created_at"),
)
IS_PASSED_ON = owner_callbacks.c.state == sa.literal_column("'pending'")
IS_UNBOUND = owner_callbacks.c.call_id.is_(None)
_partial("ix_owner_callbacks_pending", IS_PASSED_ON, owner_callbacks.c.lane, owner_callbacks.c.id)
_partial(
    "ix_owner_callbacks_due", IS_PASSED_ON, owner_callbacks.c.receiver, owner_callbacks.c.next_at
)
for _name, _column in (("call_ref",) * 2, ("leg_ref",) * 2, ("unbound", "created_at")):
    _partial(f"ix_owner_callbacks_{_name}", IS_UNBOUND, owner_callbacks.c[_column])

# Legs that wait for a slot, and the callbacks that keep the place of such a leg (queue.py).
queue = sa.Table(
    "queue",
    metadata,
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("ticket", sa.BigInteger, nullable=False, index=True),  # their order
    sa.Column("kind", sa.String(8), nullable=False),  # leg | callback
    sa.Column("caller", sa.String(64)),  # the number that a callback will dial
    sa.Column("offers_callback", sa.Boolean, nullable=False),
    sa.Column("entered_at", Time, nullable=False),
    sa.Column("told_position", sa.Integer),  # what the caller heard last
    sa.Column("told_at", Time),
    sa.Column("turn_until", Time, nullable=False),  # when the leg asks again
    sa.Column("called_at", Time),  # when the carrier's API was asked to call it to its slot
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("org_id", sa.ForeignKey("orgs.id"), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),  # of the key
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of the body it came with
    sa.Column("secret", sa.LargeBinary, nullable=False),  # the answer it got
    sa.Column("created_at", Time, nullable=False, index=True),
)

rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("key_id", sa.ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("empty_at", Time, nullable=False),  # when nothing of it will be in use
)

# ``owner`` is an API key, or an organisation for calls that no key created.
dial_limits = sa.Table(
    "dial_limits",
    metadata,
    sa.Column("owner", sa.String(36), primary_key=True),
    sa.Column("calls_empty_at", Time, nullable=False),
    sa.Column("minutes_empty_at", Time, nullable=False),
)

# Up to which call, by its creation, retention has cleared a part of them (retention.py).
retention_cursors = sa.Table(
    "retention_cursors",
    metadata,
    sa.Column("part", sa.String(32), primary_key=True),
    sa.Column("org_id", sa.ForeignKey("orgs.id"), primary_key=True),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("last_id", sa.String(36), nullable=False),
)

# Processes with a heartbeat. Rows of killed ones stay for a while; ``seen_at`` tells them apart.
processes = sa.Table(
    "processes",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("web", sa.Boolean, nullable=False),  # carriers and clients reach it at PUBLIC_URL
    sa.Column("media_url", sa.Text),  # where it takes media sockets; NULL: it does not
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("full", sa.Boolean, nullable=False),
    sa.Column("draining", sa.Boolean, nullable=False),
    sa.Column("seen_at", Time, nullable=False),
)

# One row: how often the operators' rows were changed, counted by triggers (kept.py).
revisions = sa.Table("revisions", metadata, sa.Column("number", sa.BigInteger, nullable=False))

# SQLite only. On PostgreSQL the jobs are Procrastinate's.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", Counter, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("key", sa.String(120), nullable=False, unique=True),
    sa.Column("lock", sa.String(64)),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("due", Time, nullable=False, index=True),
    sa.Column("leased_until", Time),
    sa.Column("again", sa.Boolean, nullable=False),  # enqueued anew while it ran
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text),
)
