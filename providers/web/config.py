"""The URLs that a browser calls. There are no accounts, so every account is refused."""

from __future__ import annotations

from providers.base.rest import Account
from providers.base.webhook import Hook, HookKind
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import NotConfigured

NAME = "web"
HOOKS = (
    Hook(HookKind.FETCH, "/web/<token>/join", ("POST",)),
    Hook(HookKind.CONTINUE, "/web/<token>/continue", ("POST",)),
    Hook(HookKind.STATUS, "/web/<token>/status", ("POST",)),
)
NO_ACCOUNT = "calls from a browser have no account"


def account(ref: str, secrets: JsonObject) -> Account:
    """The account of a call is its name only. Raises ``NotConfigured`` for any other."""
    if ref != NAME or secrets:
        raise NotConfigured(NO_ACCOUNT)
    return Account(NAME, {})


def credential(body: JsonObject) -> tuple[str, JsonDict, JsonDict]:
    """Raises ``NotConfigured``: nothing can be stored."""
    raise NotConfigured(NO_ACCOUNT)
