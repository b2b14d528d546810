"""Tells which of Twilio's callbacks a pasted request is.

https://www.twilio.com/docs/voice/twiml#request-parameters
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from providers.base.pasted import FORM, Pasted
from providers.base.webhook import HookKind
from providers.twilio.statuses import ENDS

SIGNS: Mapping[str, HookKind] = {
    # A parameter that only one kind of request has.
    "StreamEvent": HookKind.STREAM,
    "DialCallStatus": HookKind.FORWARD,
    "ReferSipResponseCode": HookKind.FORWARD,
    "RecordingStatus": HookKind.RECORDING,
    "CallbackSource": HookKind.STATUS,
    "SequenceNumber": HookKind.STATUS,
    "MachineDetectionDuration": HookKind.MACHINE,
}


def recognise(pasted: Pasted) -> HookKind | None:
    """The kind, by the request's own parameters; None: it is not of Twilio."""
    if "CallSid" not in pasted.fields:
        return None
    found = next((kind for name, kind in SIGNS.items() if name in pasted.fields), None)
    over = str(pasted.fields.get("CallStatus")) in ENDS
    return found or (HookKind.STATUS if over else HookKind.ARRIVE)


def restore(pasted: Pasted) -> Pasted:
    """Parameters that were pasted as JSON are a form again."""
    request, fields = pasted.request, pasted.fields
    if request.header("content-type") == FORM or request.method == "GET":
        return pasted
    form: list[tuple[str, Any]] = [(name, str(value)) for name, value in fields.items()]
    headers = [("content-type", FORM)]
    body = urlencode(form).encode()
    return pasted._replace(
        request=type(request)("POST", request.url, headers, body, request.received_at)
    )
