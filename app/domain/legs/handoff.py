"""Hand a call to another assistant: a member of its squad, a stored one, or one that a server made.

The change is an event, and the call's row has the new assistant in the same transaction. So a
media socket that is opened again, by whichever process, goes on with the assistant of then.
https://docs.vapi.ai/squads/handoff
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.assistant import installation, squad, validate
from app.domain.assistant.config import LOCAL, AssistantConfig, Server
from app.domain.assistant.fields import object_of, text_of
from app.domain.assistant.history import History
from app.domain.assistant.secrets import split_secrets, without_secrets
from app.domain.calls import apply, create, stored_resources, variables
from app.domain.calls.facts import CallFacts
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.ids import parse_uuid
from app.domain.overlay import merge
from app.domain.reporting import server_messages
from app.domain.resources import squads, stored
from app.store import events
from app.store.ids import new_id
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallEvent, CallStatus, EventKind

MOST, MOST_A_MINUTE = 50, 6
"""Handoffs of a call, and of its last minute: two assistants may hand a call to and fro."""
MINUTE = timedelta(minutes=1)
ACTIVATIONS = "assistantActivations"
"""Field of a call's body, and of its artifact."""
NO_RECORD: JsonObject = {"compliancePlan": {"hipaaEnabled": True}}


@dataclass(frozen=True, slots=True)
class NextAssistant:
    """The assistant that a call is about to be handed to."""

    assistant: AssistantConfig
    """With its secrets and all overrides, its templates as they are."""
    assistant_id: str | None
    values: JsonDict = field(default_factory=dict, repr=False)
    """The values of the templates from now on."""
    destination: JsonObject = field(default_factory=dict)
    squad: squads.ChosenSquad | None = None
    """The squad that the call goes to; None: it stays in its own."""
    turn: int = 0
    """Which handoff of the call it is, from 1."""

    @property
    def name(self) -> str:
        return text_of(self.assistant.json, "name")


class NoHandoff(Exception):
    """The call stays with its assistant. ``str()`` says why, for the model."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What the assistant that hands over leaves."""

    history: History
    """What the next one knows."""
    artifact: JsonObject
    """The call's fields as of now: ``messages``, ``transcript``."""


def find(
    context: Context, conn: Connection, call: Call, destination: JsonObject, values: JsonObject
) -> NextAssistant:
    """The assistant of a destination, for this call. Raises ``NoHandoff``.

    ``values``: those of templates, with what tools have added.
    """
    log = events.of_call(conn, call.id)
    _check_count(context, log)
    try:
        found = _found(context, conn, call, destination)
    except Invalid as error:
        raise NoHandoff(str(error)) from error
    whole = found.assistant.with_overrides(object_of(destination, "assistantOverrides"))
    if call.facts.assistant.keeps_no_record:  # what was said before stays unkept
        whole = AssistantConfig(merge(whole.json, NO_RECORD))
    if problem := _problem(context, whole, call.facts.assistant):
        raise NoHandoff(f"{found.name or 'the assistant'} cannot talk: {problem}")
    return NextAssistant(
        whole,
        found.assistant_id,
        variables.carried(values, call.facts.assistant, whole),
        destination,
        found.squad,
        count(log) + 1,
    )


def hand_over(tx: CallTx, stream: str, chosen: NextAssistant, talk: Talk) -> None:
    """Give the call to its next assistant. Raises ``NoHandoff``, and then changes nothing.

    ``stream``: of the media socket whose assistant hands over.
    """
    call = tx.call
    if call.status != CallStatus.IN_PROGRESS or call.stream not in (None, stream):
        raise NoHandoff("the call is over, or another socket has it")
    _check_count(tx.context, events.of_call(tx.conn, call.id))
    facts, secrets = _facts_and_secrets(tx, chosen, talk)
    told: JsonDict = {
        "destination": _shown(chosen),
        "toAssistant": facts.assistant.json,
        "fromAssistant": call.facts.assistant.json,
    }
    server_messages.queue(tx, server_messages.TRANSFER_UPDATE, told)
    sealed = tx.context.vault.seal({name: value for name, value in secrets.items() if value})
    changes: Changes = {"facts": facts, "secret": sealed, "body": _body(call, chosen, talk)}
    apply.apply_events(tx, [_changed(tx, stream, chosen)], changes)


def _facts_and_secrets(tx: CallTx, chosen: NextAssistant, talk: Talk) -> tuple[CallFacts, JsonDict]:
    """The call's facts with its next assistant, and its secrets."""
    call = tx.call
    public, hidden = chosen.assistant.parts
    secrets = tx.context.vault.open(call.secret)
    secrets["assistant"] = hidden
    facts = call.facts._replace(
        assistant=public, active_id=chosen.assistant_id, history=talk.history.dump()
    )
    if chosen.squad is not None:
        shown, secrets["squad"] = split_secrets(chosen.squad.json)
        facts = facts._replace(squad=shown)
    server = _server(tx, chosen.assistant)
    if server is not None:
        secrets = server_messages.with_earlier(call, secrets)
        facts = facts._replace(server=create.public_server(server))
        secrets["server"] = create.server_secrets(server)
    return facts, secrets


def _body(call: Call, chosen: NextAssistant, talk: Talk) -> JsonDict:
    """The call's body with what was said, and who said it."""
    before = activation(call.facts.assistant, call.active_assistant_id)
    listed = call.body.get(ACTIVATIONS) or [before]
    return {
        **call.body,
        **talk.artifact,
        variables.KEPT: chosen.values,
        ACTIVATIONS: [*listed, activation(chosen.assistant, chosen.assistant_id)],
    }


def _changed(tx: CallTx, stream: str, chosen: NextAssistant) -> CallEvent:
    return CallEvent(
        EventKind.ASSISTANT_CHANGED,
        at=tx.context.now(),
        key=f"assistant.changed:{new_id()}",
        stream=stream,
        data={
            "from": text_of(tx.call.facts.assistant.json, "name"),
            "to": chosen.name,
            **({"assistantId": chosen.assistant_id} if chosen.assistant_id else {}),
        },
    )


def activation(assistant: AssistantConfig, assistant_id: str | None) -> JsonDict:
    """An item of ``artifact.assistantActivations``."""
    named = {"assistantName": text_of(assistant.json, "name")}
    return {**named, **({"assistantId": assistant_id} if assistant_id else {})}


def count(log: Sequence[CallEvent]) -> int:
    """The handoffs of a call's log."""
    return sum(event.kind is EventKind.ASSISTANT_CHANGED for event in log)


def _check_count(context: Context, log: Sequence[CallEvent]) -> None:
    since = context.now() - MINUTE
    recent = [event for event in log if event.at > since]
    if count(log) >= MOST:
        raise NoHandoff(f"a call is handed over {MOST} times at most")
    if count(recent) >= MOST_A_MINUTE:
        raise NoHandoff(f"a call is handed over {MOST_A_MINUTE} times a minute at most")


def _found(
    context: Context, conn: Connection, call: Call, destination: JsonObject
) -> NextAssistant:
    if destination.get("type") == squad.SQUAD:
        return _of_squad(context, conn, call, destination)
    own, name = object_of(destination, "assistant"), text_of(destination, "assistantName")
    if own:
        squads.check_assistant(context, conn, call.org_id, dict(own))
        return NextAssistant(AssistantConfig(dict(own)), None)
    find = stored.finder(context, conn, call.org_id)
    listed = squad.members(_own_squad(context, call), find)
    if assistant_id := text_of(destination, "assistantId"):
        member = next((each for each in listed if each.assistant_id == assistant_id), None)
        if member is not None:
            return NextAssistant(member.assistant, member.assistant_id)
        found = find(assistant_id)
        if found is None:
            raise NoHandoff(f"assistantId {assistant_id[:40]} does not exist")
        return NextAssistant(found, parse_uuid(assistant_id))
    member = squad.named(listed, name) if name else None
    if member is None:
        known_names = ", ".join(repr(each.name[:40]) for each in listed if each.name)
        more = f"its squad has {known_names}" if known_names else "it has no squad"
        raise NoHandoff(f"the call knows no assistant {name[:40]!r}: {more}")
    return NextAssistant(member.assistant, member.assistant_id)


def _of_squad(
    context: Context, conn: Connection, call: Call, destination: JsonObject
) -> NextAssistant:
    """The entry of another squad. Raises ``Invalid``."""
    overrides = object_of(destination, "squadOverrides")
    given, squad_id = object_of(destination, "squad"), text_of(destination, "squadId")
    if squad_id:
        found = squads.of_id(context, conn, call.org_id, squad_id, overrides)
    elif given:
        found = squads.of_body(context, conn, call.org_id, dict(given), overrides)
    else:
        raise NoHandoff("the destination names no squad")
    entry = text_of(destination, "entryAssistantName")
    listed = squad.members(found.squad.json, stored.finder(context, conn, call.org_id))
    member = squad.named(listed, entry) if entry else listed[0]
    if member is None:
        raise NoHandoff(f"no member of the squad is named {entry[:40]!r}")
    return NextAssistant(member.assistant, member.assistant_id, squad=found.squad)


def _own_squad(context: Context, call: Call) -> JsonObject:
    hidden: Mapping[str, JsonObject] = context.vault.open(call.secret)
    return merge(call.facts.squad, hidden.get("squad") or {})


def _problem(context: Context, whole: AssistantConfig, present: AssistantConfig) -> str | None:
    """``present``: the assistant that has the call, and its media socket."""
    if whole.transport.by_carrier is not present.transport.by_carrier:
        return squad.OTHER_TRANSPORT
    backend = whole.transport.backend(context.settings)
    if backend != LOCAL:
        return f"its transport is {backend}, which has no words of its own"
    return validate.problem(whole.json, context.url_problem) or installation.never_works(
        whole, context.settings
    )


def _server(tx: CallTx, assistant: AssistantConfig) -> Server | None:
    """The server of the call from now on: the assistant's, the number's or the organisation's."""
    context, conn, call = tx.context, tx.conn, tx.call
    own = assistant.server
    if own is None and call.phone_number_id is not None:
        row = stored_resources.stored_number(context, conn, call.org_id, call.phone_number_id)
        own = row["body"].server if row else None
    return own or stored_resources.org_server(context, conn, call.org_id)


def _shown(chosen: NextAssistant) -> JsonDict:
    """The destination as a message tells it: without its secrets."""
    public = without_secrets(chosen.destination)
    return {"type": squad.ASSISTANT, "assistantName": chosen.name, **public}
