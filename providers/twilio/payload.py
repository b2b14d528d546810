"""Twilio's parameters of one request: the leg they name, and our own query parameters.

https://www.twilio.com/docs/voice/twiml#request-parameters
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

from providers.base.webhook import InboundParams, Leg, WebhookRequest
from providers.common import foreign_json
from providers.errors import BadRequest
from providers.twilio.config import FLOW_HOST
from providers.twilio.cut import BEGINS, REQUIRED
from providers.twilio.signature import decode, fields

_FLOW = re.compile(r"FW[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_METADATA = "metadata."
SIP_SCHEMES = ("sip:", "sips:")


def parameters(request: WebhookRequest) -> dict[str, str]:
    """Twilio's parameters. Raises ``BadRequest``."""
    try:
        pairs = fields(request)
    except ValueError as error:
        raise BadRequest(f"not a request of Twilio's: {error}") from error
    values = _cleaned(pairs)
    if len(values) != len(pairs) and (name := _repeated(pairs)):
        raise BadRequest(f"{name} is repeated, which Twilio does not do")
    return values


def _repeated(pairs: list[tuple[str, str]]) -> str | None:
    """A parameter that could mean either. Of another's name the last value counts."""
    names = [name for name, _ in pairs]
    return next((name for name in BEGINS if names.count(name) > 1), None)


def leg(values: Mapping[str, str]) -> Leg:
    """The leg.

    Numbers stay as they come: E.164, ``client:...``, a SIP URI, or a word like ``anonymous``.
    """
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
        sip=_is_sip(values),
    )


def _is_sip(values: Mapping[str, str]) -> bool:
    """A SIP leg brings its domain; one that Twilio has dialled has a URI as its party.

    https://www.twilio.com/docs/voice/api/sip-twiml
    """
    party = values.get("From" if values.get("Direction") == "inbound" else "To", "")
    return bool(values.get("SipDomain")) or party.lower().startswith(SIP_SCHEMES)


def visit(request: WebhookRequest, account_sid: str) -> InboundParams:
    """Our own query parameters. On POST they are read from the URL only, never from the body."""
    ours = _query(request) if request.query else {}
    return InboundParams(
        assistant_id=ours.get("assistantId") or None,
        return_url=_return_url(ours, account_sid) if ours else None,
        metadata={
            name.removeprefix(_METADATA): value
            for name, value in ours.items()
            if name.startswith(_METADATA) and name != _METADATA
        },
    )


def number(text: str) -> int | None:
    """A whole number of at most nine digits; None for any other text."""
    return int(text) if _NUMBER.fullmatch(text) else None


def _query(request: WebhookRequest) -> dict[str, str]:
    try:
        pairs = decode(request.query)
    except ValueError as error:
        raise BadRequest("the URL's query is not UTF-8") from error
    ours = _cleaned(pairs)
    if len(ours) != len(pairs):
        raise BadRequest("a parameter of the URL is repeated")
    return ours


def _cleaned(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Replace what a database cannot store as text."""
    if "".join(chain.from_iterable(pairs)).isprintable():
        return dict(pairs)
    return {foreign_json.clean(name): foreign_json.clean(value) for name, value in pairs}


def _return_url(ours: Mapping[str, str], account_sid: str) -> str | None:
    """The return URL. ``flow`` is short for the URL of a Studio flow.

    Twilio names the account in a request, and not the flow.
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
