"""The carrier's API of a call's account."""

from __future__ import annotations

from app.domain.calls.record import Call
from app.domain.context import Context
from providers.base.rest import CarrierClient
from providers.common.json_types import JsonObject
from providers.errors import NotConfigured


def client_of(context: Context, call: Call, credential: JsonObject | None) -> CarrierClient:
    """The API of the call's account. Raises ``NotConfigured`` and ``WrongKey``.

    ``credential``: the account's row; None: it was deleted.
    """
    if credential is None:
        raise NotConfigured("the call's carrier account was deleted")
    return context.providers[call.provider].client(context.account(credential))
