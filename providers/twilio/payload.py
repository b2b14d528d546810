"""Twilio's parameters of one request: the leg they name, and what our own query asks for.

https://www.twilio.com/docs/voice/twiml#request-parameters
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from providers.base.webhook import InboundParams, Leg, WebhookRequest
from providers.errors import BadRequest
from providers.twilio.config import FLOW_HOST
from providers.twilio.signature import REQUIRED, fields

IDEMPOTENCY = "i-twilio-idempotency-token"
"""Equal on Twilio's own retries of one request, other on the next one."""

_FLOW = re.compile(r"FW[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_METADATA = "metadata."


def parameters(request: WebhookRequest) -> dict[str, str]:
    """Twilio's parameters. Raises ``BadRequest``."""
    try:
        pairs = fields(request)
    except ValueError as error:
        raise BadRequest(f"not a request of Twilio's: {error}") from error
    values = _cleaned(pairs)
    if len(values) != len(pairs):
        raise BadRequest("a parameter is repeated, which Twilio does not do")
    return values


def leg(values: Mapping[str, str]) -> Leg:
    """Numbers as they come: E.164, ``client:...``, a SIP URI, or a word like ``anonymous``."""
    for name, shape in REQUIRED.items():
        if not shape.fullmatch(values.get(name, "")):
            raise BadRequest(f"Twilio's {name} is missing or malformed")
    sid, direction = values["CallSid"], values.get("Direction")
    return Leg(
        call_ref=sid,
        leg_ref=sid,
        from_=values.get("From") or None,
        to=values.get("To") or None,
        inbound=direction == "inbound" if direction else None,
    )


def visit(request: WebhookRequest, account_sid: str) -> InboundParams:
    """What our own query asks for. On POST it is the URL's query only, never the body."""
    ours = _query(request)
    return InboundParams(
        assistant_id=ours.get("assistantId") or None,
        return_url=_return_url(ours, account_sid),
        metadata={
            name.removeprefix(_METADATA): value
            for name, value in ours.items()
            if name.startswith(_METADATA) and name != _METADATA
        },
        delivery=request.header(IDEMPOTENCY) or None,
    )


def number(text: str) -> int | None:
    """A whole number of at most nine digits; None for any other text."""
    return int(text) if _NUMBER.fullmatch(text) else None


def _query(request: WebhookRequest) -> dict[str, str]:
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise BadRequest("the URL's query is not UTF-8") from error
    ours = _cleaned(pairs)
    if len(ours) != len(pairs):
        raise BadRequest("a parameter of the URL is repeated")
    return ours


def _cleaned(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """NUL cannot be stored as text by every database and means nothing."""
    return {name.replace("\0", "\ufffd"): value.replace("\0", "\ufffd") for name, value in pairs}


def _return_url(ours: Mapping[str, str], account_sid: str) -> str | None:
    """``flow`` is short for the address of that Studio flow: Twilio tells the account, not the flow.

    https://www.twilio.com/docs/studio/widget-library/twiml-redirect
    """
    flow, url = ours.get("flow"), ours.get("returnUrl")
    if not flow:
        return url or None
    if url:
        raise BadRequest("flow and returnUrl both say where the leg returns to: give one")
    if not _FLOW.fullmatch(flow):
        raise BadRequest("flow must be FW and 32 hexadecimal digits: use {{flow.flow_sid}}")
    return f"https://{FLOW_HOST}/v1/Accounts/{account_sid}/Flows/{flow}?FlowEvent=return"
