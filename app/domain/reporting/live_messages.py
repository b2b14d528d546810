"""An assistant's results while it talks: fields of the call, and server messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.assistant.secrets import without_secrets
from app.domain.calls.record import CallTx
from app.domain.costs import items as costs
from app.domain.reporting import no_record, server_messages
from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """An assistant's server message: its type, and the fields of that type."""

    kind: str
    extra: JsonObject = field(default_factory=dict)


def flush(
    tx: CallTx,
    messages: Iterable[OutgoingMessage],
    kept: JsonObject,
    used: Iterable[JsonObject],
) -> None:
    """The call's current fields, the vendors' usage (without its price), and new messages."""
    body = {**tx.call.body, **kept}
    for usage in used:
        body |= costs.add(body, tx.context.prices.item(usage))
    if body != tx.call.body:
        tx.update(body=body, updated_at=tx.context.now())
    if tx.call.settled_at is not None:
        no_record.again(tx)
    for each in messages:
        server_messages.queue(tx, each.kind, each.extra)


def delegate_control(tx: CallTx, request: JsonObject) -> bool:
    """Whether the call's server controls the leg itself: it then gets the instructions."""
    kind = server_messages.PHONE_CALL_CONTROL
    if not server_messages.is_subscribed(tx.call, kind):
        return False
    # a destination's assistant has those of its tools
    server_messages.queue(tx, kind, without_secrets(request))
    return True
