"""The body of a create-call request: of a call to a customer, and to an operator.

Each function raises ``CarrierError`` for what Vonage cannot do.
https://developer.vonage.com/en/api/voice#createCall
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from providers.base.rest import OperatorCall, OutboundCall
from providers.common.json_types import JsonDict
from providers.errors import CarrierError
from providers.vonage import ncco

# Seconds, the largest ``length_timer``; counted from the answer.
MAX_DURATION = 86_400
RINGING_SECONDS = range(1, 121)


def to_customer(order: OutboundCall) -> JsonDict:
    """A call whose document is in the request."""
    machine = order.machine
    listening = {"advanced_machine_detection": ncco.detection(machine)} if machine else {}
    with _translated():
        if order.ring_seconds not in RINGING_SECONDS:
            raise ValueError(f"Vonage rings for 1 to 120 seconds, not {order.ring_seconds}")
        return {
            "to": [ncco.endpoint(order.to, order.extension)],
            **_common(order),
            "ncco": ncco.actions([order.connect]),
            "ringing_timer": order.ring_seconds,
            **listening,
        }


def to_operator(order: OperatorCall) -> JsonDict:
    """A call whose document Vonage asks for, once it is answered."""
    detects = {"advanced_machine_detection": {"behavior": "continue", "mode": "detect"}}
    with _translated():
        return {
            "to": [ncco.endpoint(order.to, order.extension, order.sip_headers)],
            **_common(order),
            "answer_url": [order.answer_url],
            "answer_method": "POST",
            "ringing_timer": min(order.ring_seconds, RINGING_SECONDS[-1]),
            **(detects if order.detects_machine else {}),
        }


def _common(order: OutboundCall | OperatorCall) -> JsonDict:
    return {
        "from": ncco.endpoint(order.from_),
        "event_url": [order.status_url],
        "event_method": "POST",
        "length_timer": min(order.max_duration, MAX_DURATION),
    }


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CarrierError(str(error), permanent=True) from error
