"""The phone number of a call, as the call stores it."""

from __future__ import annotations

from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.overlay import merge
from providers.common.json_types import JsonDict

HIDDEN = "phoneNumber"
"""Key of a call's secrets: those of the number's destinations."""


def with_secrets(context: Context, call: Call) -> JsonDict:
    """It, with the secrets of its hooks and its fallback destination. Raises ``WrongKey``."""
    return merge(call.facts.phone_number, context.vault.open(call.secret).get(HIDDEN, {}))
