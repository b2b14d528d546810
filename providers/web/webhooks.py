"""Reads a browser's requests: it joins, it asks again after a lost socket, or it tells why not.

A body is a JSON object. ``request`` is the browser's own name of a request, so that a repeated one
has the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from providers.base.webhook import HookKind, WebhookReport, WebhookRequest
from providers.common import foreign_json
from providers.common.json_types import JsonDict
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
from providers.web.config import NAME

REQUEST = re.compile(r"[A-Za-z0-9-]{8,64}")
MAX_WORD = 100


class Word(NamedTuple):
    """What a word of a browser means."""

    kind: EventKind
    reason: EndedReason | None = None


ASKS: Mapping[HookKind, EventKind] = {
    HookKind.FETCH: EventKind.LEG_FETCHED,
    HookKind.CONTINUE: EventKind.LEG_CONTINUED,
}
"""Requests for a media socket."""
STATUSES: Mapping[str, Word] = {
    "microphone-refused": Word(
        EventKind.LEG_ENDED, EndedReason.CUSTOMER_DID_NOT_GIVE_MICROPHONE_PERMISSION
    ),
    # the page was closed: no socket could say so, or it could not be waited for
    "left": Word(EventKind.LEG_ENDED, EndedReason.CUSTOMER_ENDED_CALL),
}
"""``type`` of a status -> its meaning. Either ends the call at once."""


def parse(hook: HookKind, request: WebhookRequest) -> WebhookReport:
    """Translate a browser's request. Raises ``BadRequest``."""
    fields = _fields(request)
    if hook in ASKS:
        name = fields.get("request")
        if not isinstance(name, str) or not REQUEST.fullmatch(name):
            raise BadRequest("request must have 8 to 64 letters, digits or hyphens")
        event = CallEvent(ASKS[hook], request.received_at, f"{hook}:{name}", NAME)
        return WebhookReport(None, (event,), asks=True)
    word = fields.get("type")
    if not isinstance(word, str) or not word:
        raise BadRequest("type must be a text")
    return _status(word[:MAX_WORD], request)


def _status(word: str, request: WebhookRequest) -> WebhookReport:
    known = STATUSES.get(word)
    key = f"status:{word}"
    if known is None:
        note = CallEvent(EventKind.NOTE, request.received_at, key, NAME, data={"word": word})
        return WebhookReport(None, (note,), unknown=(word,))
    event = CallEvent(known.kind, request.received_at, key, NAME, reason=known.reason)
    return WebhookReport(None, (event,))


def _fields(request: WebhookRequest) -> JsonDict:
    try:
        fields = foreign_json.parse(request.body)
    except ValueError as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(fields, dict):
        raise BadRequest("the body is not a JSON object")
    return fields
