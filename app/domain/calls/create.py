"""Making a call: its row, its first events, and what follows from them.

Shared by the API (``services/calls.py``) and by legs that arrive by themselves (``legs/inbound.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.domain.assistant import recording
from app.domain.assistant.config import AssistantConfig, Server, max_duration, server_of
from app.domain.assistant.recording import Recorders
from app.domain.assistant.secrets import split_secrets
from app.domain.calls import apply, instructions, record
from app.domain.calls.facts import CallFacts, CallServer
from app.domain.calls.record import Call, CallTx
from app.domain.calls.state import CallState, fold
from app.domain.context import Context, new_id
from app.domain.overlay import merge
from app.store import accounts, events
from app.store.resources import get as get_resource
from app.store.schema import assistants, customers
from providers.base.carrier import Carrier
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallEvent, CallStatus, EventKind

INBOUND = "inboundPhoneCall"
OUTBOUND = "outboundPhoneCall"


@dataclass(slots=True)
class NewCall:
    """A call about to be made."""

    org_id: str
    provider: Carrier
    type: str
    bypass: bool
    credential: JsonObject
    """Row of the carrier account."""
    number: str | None
    """Ours, E.164."""
    body: JsonDict
    """Shown as sent (``view.BODY_FIELDS``), without secrets."""
    assistant_id: str | None = None
    customer_id: str | None = None
    phone_number_id: str | None = None
    assistant: JsonDict = field(default_factory=dict)
    """Stored or transient, its secrets included, overrides applied."""
    customer: JsonDict = field(default_factory=dict)
    phone_number: JsonDict = field(default_factory=dict)
    """Body of the number, its server's secrets included."""
    server: Server | None = None
    """The organisation's, used when neither assistant nor number have one."""


def stored(
    context: Context, conn: Connection, table: sa.Table, org_id: str, id_: str
) -> JsonDict | None:
    """A resource's row, its secrets put back into the body."""
    row = get_resource(conn, table, org_id, id_)
    return None if row is None else unsealed(context, row)


def unsealed(context: Context, row: JsonObject) -> JsonDict:
    """A row with its sealed secrets in their places."""
    sealed = row.get("secret")
    body = merge(row["body"], context.vault.open(sealed)) if sealed else dict(row["body"])
    return {**row, "body": body}


def stored_assistant(
    context: Context, conn: Connection, org_id: str, assistant_id: str
) -> JsonDict | None:
    row = stored(context, conn, assistants, org_id, assistant_id)
    return row["body"] if row else None


def stored_customer(
    context: Context, conn: Connection, org_id: str, customer_id: str
) -> JsonDict | None:
    row = get_resource(conn, customers, org_id, customer_id)
    return dict(row["body"]) if row else None


def org_server(context: Context, conn: Connection, org_id: str) -> Server | None:
    """Where the messages of a call go whose assistant and number name no server."""
    org = accounts.get_org(conn, org_id)
    if org is None or not org["server_url"]:
        return None
    return Server(org["server_url"], context.vault.open(org["secret"]).get("serverSecret"))


def build_call(context: Context, new: NewCall) -> tuple[Call, JsonDict]:
    """The call, still without its secrets, and the secrets that belong into it. Touches nothing."""
    now = context.now()
    public, hidden = split_secrets(new.assistant)
    number_public, _ = split_secrets(new.phone_number)
    whole = AssistantConfig(new.assistant)
    server = whole.server or server_of(new.phone_number) or new.server
    facts = CallFacts(
        assistant=AssistantConfig(public),
        customer=new.customer,
        phone_number=_named(new, number_public),
        number=new.number,
        account_ref=new.credential["account_ref"],
        server=_public_server(server),
        **_recorders(context, new.provider, new.credential, whole),
    )
    call = Call(
        id=new_id(),
        org_id=new.org_id,
        type=new.type,
        provider=new.provider.name,
        provider_call_id=None,
        status=CallStatus.QUEUED,
        ended_reason=None,
        started_at=None,
        ended_at=None,
        settled_at=None,
        bypass=new.bypass,
        max_duration=max_duration(new.body, whole),
        assistant_id=new.assistant_id,
        customer_id=new.customer_id,
        phone_number_id=new.phone_number_id,
        credential_id=new.credential["id"],
        body={k: v for k, v in new.body.items() if k != "maxDurationSeconds"},
        facts=facts,
        secret=None,
        created_at=now,
        updated_at=now,
    )
    secrets = (("server", _server_secrets(server)), ("assistant", hidden))
    return call, {name: value for name, value in secrets if value}


def set_assistant(
    tx: CallTx,
    assistant_id: str | None,
    whole: JsonObject,
    transient: JsonObject | None,
    overrides: JsonObject,
) -> None:
    """Give a call its assistant that came without one. ``whole``: overrides applied, secrets included.

    ``transient`` and ``overrides`` are shown with the call, as if it had been created with them.
    """
    public, hidden = split_secrets(whole)
    secrets = tx.context.vault.open(tx.call.secret) | ({"assistant": hidden} if hidden else {})
    credential = accounts.get_credential(tx.conn, tx.call.credential_id)
    provider = tx.carrier
    config = AssistantConfig(whole)
    facts = replace(tx.call.facts, assistant=AssistantConfig(public))
    if credential:
        facts = replace(facts, **_recorders(tx.context, provider, credential, config))
    server = config.server
    if server is not None:
        facts = replace(facts, server=_public_server(server))
        secrets["server"] = _server_secrets(server)
    sent = (("assistant", transient), ("assistantOverrides", overrides))
    shown = {name: split_secrets(value)[0] for name, value in sent if value}
    tx.update(
        assistant_id=assistant_id,
        body={**tx.call.body, **shown},
        facts=facts,
        secret=tx.context.vault.seal(secrets),
        max_duration=max_duration({}, config),
        updated_at=tx.context.now(),
    )


def insert_call(
    tx: CallTx,
    secrets: JsonObject,
    tokens: Mapping[str, str],
    first: Sequence[CallEvent] = (),
) -> None:
    """The row, its first events and tokens, and all that follows from them.

    ``first``: what happened to the call before it had a row, its leg's arrival.
    """
    created = CallEvent(
        EventKind.CREATED,
        at=tx.call.created_at,
        key="created",
        data={"bypass": tx.call.bypass, "maxDurationSeconds": tx.call.max_duration},
    )
    log = [created, *first]
    state = fold(log, tx.carrier.never_answered) if first else CallState(CallStatus.QUEUED)
    tx.call.secret = tx.context.vault.seal(secrets)
    record.insert(tx.conn, tx.call, state.status)
    events.begin(tx.conn, tx.call.id, log, tx.context.now())
    instructions.save_tokens(tx, tokens)
    apply.created(tx, state, log)


def _recorders(
    context: Context, carrier: Carrier, credential: JsonObject, assistant: AssistantConfig
) -> Recorders:
    backend = assistant.transport.backend(context.settings)
    return recording.decide(context, carrier, credential, assistant.recording, backend)


def _named(new: NewCall, number: JsonObject) -> JsonDict:
    """The number as server messages tell it: also who it is, not only how it is set up."""
    known = (("id", new.phone_number_id), ("provider", new.provider.name), ("number", new.number))
    return {**number, **{name: value for name, value in known if value}}


def _public_server(server: Server | None) -> CallServer | None:
    return CallServer(server.url, dict(server.policy)) if server else None


def _server_secrets(server: Server | None) -> JsonDict:
    found = (("secret", server.secret), ("headers", dict(server.headers))) if server else ()
    return {name: value for name, value in found if value}
