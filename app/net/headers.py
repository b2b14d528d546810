"""What may be sent as an HTTP header: one rule for a client's body and for all senders.

A body is judged by ``header_problem`` and ``value_problem``. What passes is one line of ASCII, which
every client of this folder sends as it is. The senders also accept what was stored before that
rule, as far as HTTP allows it.
https://www.rfc-editor.org/rfc/rfc9110#name-fields
"""

from __future__ import annotations

import re
from collections.abc import Mapping

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# No line breaks and no other controls.
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# A receiver drops spaces around a value, and every library encodes é in another way.
_SENDABLE = re.compile(r"([!-~]([\t -~]*[!-~])?)?")

# Headers that belong to the connection. A client's own of these names are not sent.
FRAMING = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding"}
    | {"upgrade"}
)
HANDSHAKE = "sec-websocket-"


def value_problem(value: object) -> str | None:
    """Why this cannot be the value of a header, for its author; None: it can."""
    if not isinstance(value, str):
        return "must be a string"
    if not _SENDABLE.fullmatch(value):
        return "must be one line of plain ASCII without spaces around it: it is sent as a header"
    return None


def header_problem(name: str, value: object) -> str | None:
    """Why this header cannot be sent, for its author; None: it can."""
    if not HEADER_NAME.fullmatch(name):
        return "must have a name of ASCII letters, digits and -, without spaces"
    return value_problem(value)


def without_framing(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those of the connection itself."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in FRAMING and not name.lower().startswith(HANDSHAKE)
    }
