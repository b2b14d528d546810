"""Reads one Vonage request: its fields, its word, the leg it names.

Vonage sends the same fields as the JSON body of a POST or in the query of a GET.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from providers.base.webhook import InboundParams, Leg, WebhookRequest
from providers.common import foreign_json
from providers.common.e164 import EITHER
from providers.common.json_types import JsonObject
from providers.errors import BadRequest
from providers.vonage.config import API_HOST
from providers.vonage.fields import IDENTIFIER, whole

OURS = ("assistantId", "returnUrl")
METADATA = "metadata."
SIP_SCHEMES = ("sip:", "sips:")
# Objects that a GET carries as JSON strings.
NESTED = frozenset({"headers", "dtmf", "speech", "custom_data", "original_request", "payload"})

MAX_FIELDS = 200
# Fields that identify a payload without a ``status``, in this order.
CLASSES = (
    ("speech", "input"),
    ("dtmf", "input"),
    ("recording_url", "record"),
    ("reason", "error"),
    ("payload", "notify"),
)

Payload = JsonObject


def word(payload: Payload) -> str:
    """The word for a payload's subject.

    Only some have a ``status``. The order is that of Vonage's SDKs.
    """
    status = payload.get("status")
    if isinstance(status, str) and status:
        return status[:100]
    if payload.get("type") == "transfer" or "conversation_uuid_from" in payload:
        return "transfer"
    told = (name for field, name in CLASSES if field in payload)
    return next(told, str(payload.get("type") or "without a status")[:100])


def media_url(payload: Payload) -> str | None:
    """Our media socket's address, if the payload is about its leg."""
    to = payload.get("to")
    return to if isinstance(to, str) and to.startswith(("ws://", "wss://")) else None


def leg(payload: Payload) -> Leg | None:
    """The leg a payload names. A payload with a conversation alone uses its id for both."""
    call_ref = _identifier(payload, "conversation_uuid", "conversation_uuid_from")
    leg_ref = _identifier(payload, "uuid", "call_uuid")
    if not call_ref and not leg_ref:
        return None
    return Leg(
        call_ref or leg_ref,
        leg_ref or call_ref,
        from_=_party(payload.get("from") or payload.get("from_user")),
        to=None if media_url(payload) else _party(payload.get("to")),
        inbound=inbound(payload),
        api_url=_api_url(payload.get("region_url")),
        sip=_is_sip(payload),
    )


def _is_sip(payload: Payload) -> bool:
    """An answer webhook names the kind of endpoint; events have a URI as their party."""
    outbound = payload.get("direction") == "outbound"
    party = str(payload.get("to" if outbound else "from") or "")
    return payload.get("endpoint_type") == "sip" or party.lower().startswith(SIP_SCHEMES)


def refs(leg: Leg) -> tuple[str, str]:
    """The refs that make an arrival unique: a leg that comes back is in another conversation."""
    return leg.leg_ref, leg.call_ref


def _identifier(payload: Payload, *names: str) -> str:
    value = next((payload[name] for name in names if payload.get(name)), "")
    if value and not (isinstance(value, str) and IDENTIFIER.fullmatch(value)):
        raise BadRequest(f"Vonage: {names[0]} is not an id")
    return str(value)


def _party(value: Any) -> str | None:
    """A number as E.164 (Vonage writes it without ``+``). Any other party stays as it comes."""
    if not isinstance(value, str) or not value:
        return None
    number = EITHER.fullmatch(value)
    return f"+{number[1]}" if number else value[:256]


def inbound(payload: Payload) -> bool | None:
    """Whether the leg is inbound; None without a direction."""
    return {"inbound": True, "outbound": False}.get(str(payload.get("direction")))


def _api_url(value: Any) -> str | None:
    """The region's API host, if it is Vonage's: our application's token is sent there."""
    if not isinstance(value, str):
        return None
    region = re.fullmatch(r"https://([a-z0-9.-]+)/?", value)
    return f"https://{region[1]}" if region and API_HOST.fullmatch(region[1]) else None


def was_answered(payload: Payload) -> bool:
    """Whether the leg was answered. Only then it has a ``start_time`` or a ``duration``."""
    return bool(payload.get("start_time")) or bool(whole(payload.get("duration")))


def visit(request: WebhookRequest) -> InboundParams:
    """Our own parameters. They are in the URL that we configured, on POST as on GET."""
    query = _query(request)
    return InboundParams(
        assistant_id=query.get("assistantId") or None,
        return_url=query.get("returnUrl") or None,
        metadata={
            name.removeprefix(METADATA): value
            for name, value in query.items()
            if name.startswith(METADATA) and name != METADATA
        },
    )


def read(request: WebhookRequest) -> Payload:
    """Vonage's fields: the JSON body of a POST, or the query of a GET without our own."""
    if request.method == "GET":
        theirs = {name: value for name, value in _query(request).items() if not _is_ours(name)}
        return {name: _nested(value) if name in NESTED else value for name, value in theirs.items()}
    value = _json(request.body)
    if not isinstance(value, dict):
        raise BadRequest("Vonage: the body is not a JSON object")
    return value


def _is_ours(name: str) -> bool:
    return name in OURS or name.startswith(METADATA)


def _query(request: WebhookRequest) -> dict[str, str]:
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequest("Vonage: too many query parameters") from error
    query = {clean(name): str(clean(value)) for name, value in pairs}
    if len(query) != len(pairs):
        raise BadRequest("Vonage: a query parameter is repeated")
    return query


def _nested(value: str) -> Any:
    return _json(value.encode()) if value.startswith(("{", "[")) else value


def _json(data: bytes) -> Any:
    try:
        return foreign_json.parse(data)
    except foreign_json.NestedTooDeeply as error:
        raise BadRequest("Vonage: nested too deeply") from error
    except ValueError as error:
        raise BadRequest("Vonage: not JSON") from error


def clean(value: Any) -> Any:
    """Text that every database can store. Raises ``BadRequest`` for too deep nesting."""
    try:
        return foreign_json.clean(value)
    except ValueError as error:
        raise BadRequest("Vonage: nested too deeply") from error
