"""The arguments of a create-call request: of a call to a customer, and to an operator.

They are the SDK's. Each function raises ``CarrierError`` for what Twilio cannot do.
https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from providers.base.rest import OperatorCall, OutboundCall
from providers.common.json_types import JsonDict
from providers.errors import CarrierError
from providers.twilio import twiml

MAX_RING_SECONDS = 600


def to_customer(order: OutboundCall) -> JsonDict:
    """A call whose document is in the request."""
    with _translated():
        listening = twiml.detection(order.machine) if order.machine else {}
        return {
            **_common(order),
            "to": order.to,
            "twiml": twiml.document((order.connect,)),
            "timeout": order.ring_seconds,
            **{_snake(name): value for name, value in listening.items()},
        }


def to_operator(order: OperatorCall) -> JsonDict:
    """A call whose document Twilio asks for, once it is answered."""
    with _translated():
        return {
            **_common(order),
            "to": twiml.sip(order.to, order.sip_headers),
            "url": twiml.retried(order.answer_url),
            "method": "POST",
            "timeout": min(order.ring_seconds, MAX_RING_SECONDS),
            **({"machine_detection": "Enable"} if order.detects_machine else {}),
        }


def _common(order: OutboundCall | OperatorCall) -> JsonDict:
    keys = {"send_digits": twiml.keys(order.extension)} if order.extension else {}
    return {
        "from_": order.from_,
        "time_limit": order.max_duration,
        "status_callback": twiml.retried(order.status_url),
        "status_callback_event": list(twiml.STATUS_EVENTS),
        "status_callback_method": "POST",
        **keys,
    }


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CarrierError(f"Twilio: {error}", permanent=True) from error


def _snake(name: str) -> str:
    """``asyncAmd`` as the SDK spells its arguments."""
    return re.sub("([A-Z])", r"_\1", name).lower()
