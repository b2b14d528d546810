"""What the tests ask of Vonage's REST API, and the account that asks."""

from __future__ import annotations

from typing import Any

from providers.base.instructions import Connect
from providers.base.rest import Account, OutboundCall
from tests.fakes.carriers.accounts import private_key
from tests.providers.vonage.cases import API_KEY, APPLICATION, MEDIA_URL

PRIVATE_KEY = private_key()
LEG = "63f61863-4a51-4f6b-86e1-46edebcf9356"
EVENTS = "https://patchbay.example/vonage/event/tok_1"
CONNECT = Connect("c1", MEDIA_URL, EVENTS, EVENTS, "+14155550100")
ORDER = OutboundCall("+447700900123", "+14155550100", CONNECT, EVENTS, 600)
CREATED = {
    "uuid": LEG,
    "conversation_uuid": "CON-1",
    "status": "started",
    "direction": "outbound",
}


def account(api_url: str | None, **secrets: Any) -> Account:
    given = {"applicationId": APPLICATION, "privateKey": PRIVATE_KEY, **secrets}
    return Account(API_KEY, given, api_url=api_url)
