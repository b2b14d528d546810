"""Vapi's API of calls, by Vapi's own SDK, which ``patchbay[vapi]`` installs.

https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.net.http import SendError
from app.vendors.common.account import VendorAccount
from app.vendors.common.answer import UpstreamAnswer
from app.vendors.vapi import ADDRESS, MISSING, VENDOR
from providers.common.json_types import JsonObject

if TYPE_CHECKING:
    from app.vendors.vapi.sdk import Transport

SENTENCE = 300
"""Characters of the server's words that are told on."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VapiCalls:
    """``UpstreamCalls`` of ``app/vendors/common/answer.py``. Blocks, and never raises."""

    allow_private: bool
    """Whether a client's own server may have a private address."""

    def create(self, account: VendorAccount, body: JsonObject) -> UpstreamAnswer:
        """The new call. ``body``: as of ``POST /call``. It is sent once.

        The call of a lost answer may exist. It ends by itself, because no leg joins it.
        """
        return self._asked(account, "create", {"additional_body_parameters": dict(body)})

    def get(self, account: VendorAccount, call_id: str) -> UpstreamAnswer:
        """The call of this id."""
        return self._asked(account, "get", {}, call_id)

    def _asked(
        self, account: VendorAccount, method: str, options: JsonObject, *arguments: str
    ) -> UpstreamAnswer:
        try:
            from app.vendors.vapi import sdk
        except ImportError:
            return UpstreamAnswer(error=MISSING)
        if problem := address_problem(account):
            return UpstreamAnswer(error=problem)
        own = account.client_supplied and account.url
        transport = sdk.Transport(self.allow_private or not own)
        calls = sdk.calls(account.key or "", account.url or ADDRESS, transport)
        try:
            getattr(calls, method)(*arguments, request_options=options)
        except SendError as error:
            return UpstreamAnswer(error=str(error))
        except Exception as error:  # the SDK's own, whose text may quote the request
            if transport.status is None:
                return UpstreamAnswer(error=f"the SDK failed with {type(error).__name__}")
        return _answer(transport)


def address_problem(account: VendorAccount) -> str | None:
    """Why the account's address cannot be one; None: it can."""
    problem = VENDOR.form.problem(account.url) if account.url else None
    return f"the address of {VENDOR.name} {problem}" if problem else None


def preload() -> None:
    """Import the SDK ahead of the first call, if it is there."""
    try:
        import app.vendors.vapi.sdk  # noqa: F401
    except ImportError:
        log.warning("%s", MISSING)


def _answer(transport: Transport) -> UpstreamAnswer:
    """What the server has said."""
    status = transport.status or 0
    try:
        told = json.loads(transport.body)
    except (ValueError, RecursionError):
        return UpstreamAnswer(error=f"it answers {status}, and no JSON", status=status)
    if not 200 <= status < 300:
        return UpstreamAnswer(error=f"it answers {status}{_words(told)}", status=status)
    if not isinstance(told, dict) or not isinstance(told.get("id"), str):
        return UpstreamAnswer(error=f"it answers {status}, and no call", status=status)
    return UpstreamAnswer(told, status=status)


def _words(told: Any) -> str:
    """The sentences of an error, which Vapi gives as one or as a list."""
    given = told.get("message") if isinstance(told, dict) else None
    words = given if isinstance(given, list) else [given]
    said = "; ".join(each for each in words if isinstance(each, str))
    return f": {said[:SENTENCE]}" if said else ""
