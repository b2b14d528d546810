"""A client of Twilio's REST API, whose answers a test decides."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from providers.base.rest import Account
from providers.twilio import TWILIO
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, TOKEN, holding

CALLS = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"


ACCEPTED = {"sid": CALL_SID, "status": "queued"}


def client_of(api: RestApi, account: Account | None = None) -> Any:
    account = replace(account or holding(TOKEN), api_url=api.url)
    return TWILIO.client(account, timeout=30.0)


def login(api: RestApi) -> str:
    return base64.b64decode(api.asked[-1].headers["authorization"].removeprefix("Basic ")).decode()


def problem(code: int, message: str = "no") -> dict[str, Any]:
    """An error of Twilio's, in its older form."""
    return {"code": code, "message": message, "status": 400}
