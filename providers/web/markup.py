"""Writes the answers to a browser: one JSON object, which says what it does next.

Any site may read an answer, because a page elsewhere may have our script. The token in the URL is
what opens a call, and no cookie is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from providers.base.instructions import Answer, Connect, Details, HangUp, Instruction, Say
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import BadRequest, Refused

JSON = "application/json"
HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}


def answer(instructions: Sequence[Instruction]) -> Answer:
    """``{"action": "connect", "websocketUrl"}`` or ``{"action": "hang-up"}``.

    A text that would be spoken is the answer's ``message``. Raises ``ValueError`` for a forward
    or a return: a browser has no leg that could go elsewhere.
    """
    said: JsonDict = {"action": "hang-up"}
    for each in instructions:
        match each:
            case Connect():
                said |= {"action": "connect", "websocketUrl": each.media_url}
            case Say():
                said["message"] = each.text
            case HangUp():
                pass
            case _:
                raise ValueError(f"a browser cannot be told to {type(each).__name__}")
    return _json(said)


def acknowledge() -> Answer:
    """An empty object."""
    return _json({})


def refusal(error: Exception, *, transient: bool = False) -> Answer:
    """The HTTP status says whether another try can help; a refusal gives no details."""
    if transient:
        return _json({"message": "try again"}, 503)
    if isinstance(error, BadRequest):
        return _json({"message": str(error)}, 400)
    status = 403 if isinstance(error, Refused) else 500
    return _json({"message": "refused"}, status)


def details(details: Details) -> JsonDict:
    """A browser's call has a URL instead (``webCallUrl``)."""
    return {}


def _json(said: JsonObject, status: int = 200) -> Answer:
    return Answer(json.dumps(said).encode(), JSON, status, HEADERS)
