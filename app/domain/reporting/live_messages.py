"""What an assistant leaves behind while it talks: on the call, and at its server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.calls.record import CallTx
from app.domain.costs import items as costs
from app.domain.reporting import server_messages


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """What an assistant has to say to its server: a message's type, and the fields of that type."""

    kind: str
    extra: Mapping[str, Any] = field(default_factory=dict)


def flush(
    tx: CallTx,
    message: Iterable[OutgoingMessage],
    kept: Mapping[str, Any],
    used: Iterable[Mapping[str, Any]],
) -> None:
    """Fields of the call as they are now, what was used of vendors (without its price), messages."""
    body = {**tx.call.body, **kept}
    for usage in used:
        body |= costs.add(body, tx.context.prices.item(usage))
    if body != tx.call.body:
        tx.update(body=body, updated_at=tx.context.now())
    for each in message:
        server_messages.queue(tx, each.kind, each.extra)


def delegate_control(tx: CallTx, request: Mapping[str, Any]) -> bool:
    """Whether the call's server wants to control the leg itself; then it is told what to do."""
    kind = server_messages.PHONE_CALL_CONTROL
    if not server_messages.is_subscribed(tx.call, kind):
        return False
    server_messages.queue(tx, kind, request)
    return True
