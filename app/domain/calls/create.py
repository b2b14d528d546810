"""Create a call: its row, its first events, and the reactions to them.

The API (``services/calls.py``) and inbound legs (``legs/inbound.py``) use it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from app.domain.assistant import recording
from app.domain.assistant.config import AssistantConfig, Server, max_duration
from app.domain.assistant.recording import Recorders
from app.domain.assistant.secrets import split_secrets
from app.domain.calls import apply, call_number, schedule
from app.domain.calls.facts import CallFacts, CallServer
from app.domain.calls.record import Call, CallTx
from app.domain.calls.shown_number import shown
from app.domain.calls.state import CallState, fold
from app.domain.calls.stored_resources import NO_NUMBER, NumberBody
from app.domain.context import Context
from app.domain.resources.squads import ChosenSquad
from app.store import accounts, events
from app.store.engine import after_commit
from app.store.ids import new_id
from providers.base.carrier import Carrier
from providers.common.json_types import NOTHING, JsonDict, JsonObject
from providers.events import CallEvent, CallStatus, EventKind

INBOUND = "inboundPhoneCall"
OUTBOUND = "outboundPhoneCall"
NO_ASSISTANT = AssistantConfig({})

log = logging.getLogger(__name__)


@dataclass(slots=True)
class NewCall:
    """The values of a call that is not built yet."""

    org_id: str
    provider: Carrier
    type: str
    bypass: bool
    credential: JsonObject
    """The row of the carrier account."""
    number: str | None
    """Our number, in E.164 format."""
    body: JsonDict
    """The request's fields that the Call repeats, without secrets."""
    assistant_id: str | None = None
    customer_id: str | None = None
    phone_number_id: str | None = None
    assistant: AssistantConfig = NO_ASSISTANT
    """The stored or transient assistant with its secrets and with the overrides applied."""
    customer: JsonDict = field(default_factory=dict)
    phone_number: NumberBody = NO_NUMBER
    key_id: str | None = None
    """The API key of the request."""
    server: Server | None = None
    """The organisation's server, for a call whose assistant and number name none."""
    squad: ChosenSquad | None = None
    """The squad whose first member is ``assistant``."""


def build_call(context: Context, new: NewCall) -> tuple[Call, JsonDict]:
    """The call without its secrets, and its secrets. Writes nothing."""
    now = context.now()
    whole = new.assistant
    public, hidden = whole.parts
    server = whole.server or new.phone_number.server or new.server
    squad, hidden_squad = split_secrets(new.squad.json) if new.squad else (NOTHING, NOTHING)
    facts = CallFacts(
        assistant=public,
        customer=new.customer,
        phone_number=_named(new),
        number=new.number,
        account_ref=new.credential["account_ref"],
        key_id=new.key_id,
        server=public_server(server),
        squad=squad,
        active_id=new.squad.first_id if new.squad else None,
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
        timers={},
        created_at=now,
        updated_at=now,
        squad_id=new.squad.id if new.squad else None,
    )
    secrets = (
        ("server", server_secrets(server)),
        ("assistant", hidden),
        ("squad", hidden_squad),
        (call_number.HIDDEN, new.phone_number.hidden),
    )
    return call, {name: value for name, value in secrets if value}


def set_assistant(
    tx: CallTx,
    assistant_id: str | None,
    whole: AssistantConfig,
    sent: JsonObject,
    squad: ChosenSquad | None = None,
) -> None:
    """Give an assistant, or a squad's first member, to a call that was created without one.

    ``whole`` is the assistant with its secrets and with the overrides applied.
    The Call shows the fields of ``sent`` as if the request had had them.
    """
    public, hidden = whole.parts
    secrets = tx.context.vault.open(tx.call.secret) | ({"assistant": hidden} if hidden else {})
    public_squad, hidden_squad = split_secrets(squad.json) if squad else (NOTHING, NOTHING)
    if hidden_squad:
        secrets["squad"] = hidden_squad
    credential = accounts.get_credential(tx.conn, tx.call.credential_id)
    provider = tx.carrier
    facts = tx.call.facts._replace(
        assistant=public, squad=public_squad, active_id=squad.first_id if squad else None
    )
    if credential:
        facts = facts._replace(**_recorders(tx.context, provider, credential, whole))
    server = whole.server
    if server is not None:
        facts = facts._replace(server=public_server(server))
        secrets["server"] = server_secrets(server)
    shown = {name: split_secrets(value)[0] for name, value in sent.items() if value}
    tx.update(
        assistant_id=assistant_id,
        squad_id=squad.id if squad else None,
        body={**tx.call.body, **shown},
        facts=facts,
        secret=tx.context.vault.seal(secrets),
        max_duration=max_duration({}, whole),
        updated_at=tx.context.now(),
    )


def insert_call(
    tx: CallTx,
    secrets: JsonObject,
    first: Sequence[CallEvent] = (),
) -> None:
    """Write the row and its first events, and run the reactions.

    ``first`` has the events from before the row: the arrival of an inbound leg.
    """
    call = tx.call
    created = CallEvent(
        EventKind.CREATED,
        at=tx.call.created_at,
        key="created",
        data={"bypass": tx.call.bypass, "maxDurationSeconds": tx.call.max_duration},
    )
    scheduled = "schedulePlan" in tx.call.body
    if scheduled:
        created = created._replace(data={**created.data, "scheduled": True})
    first_events = [created, *first]
    plain = CallState(CallStatus.QUEUED)
    state = fold(first_events, tx.carrier.never_answered) if first or scheduled else plain
    tx.call.secret = tx.context.vault.seal(secrets)
    tx.call.timers = schedule.first_timers(tx.context, tx.call, arrived=bool(first))
    tx.insert(state.status)
    events.begin(tx.conn, tx.call.id, first_events, tx.call.created_at)
    line = "call %s (%s): created: %s by %s, bypass %s, assistant %s, with %s"
    customer = shown(tx.context.settings, call.facts.customer)
    kind = (call.type, call.provider, call.bypass, call.assistant_id or "transient", customer)
    extra = {"callId": call.id, "phoneCallProviderId": call.provider_call_id}
    told = partial(log.info, line, call.id, call.provider_call_id, *kind, extra=extra)
    after_commit(tx.conn, told)
    apply.created(tx, state, first_events)


def _recorders(
    context: Context, carrier: Carrier, credential: JsonObject, assistant: AssistantConfig
) -> Recorders:
    backend = assistant.transport.backend(context.settings)
    return recording.decide(
        context,
        carrier,
        credential,
        assistant.recording,
        backend,
        has_audio=not assistant.transport.by_carrier,
    )


def _named(new: NewCall) -> JsonDict:
    """The number as server messages show it: its id, carrier and number beside its body."""
    known = (
        ("id", new.phone_number_id),
        ("provider", new.provider.phone and new.provider.name),
        ("number", new.number),
    )
    return {**new.phone_number.public, **{name: value for name, value in known if value}}


def public_server(server: Server | None) -> CallServer | None:
    return CallServer(server.url, dict(server.policy)) if server else None


def server_secrets(server: Server | None) -> JsonDict:
    found = (("secret", server.secret), ("headers", dict(server.headers))) if server else ()
    return {name: value for name, value in found if value}
