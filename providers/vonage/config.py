"""Vonage's constants: URLs, field names, and the secrets of an account.

This file verifies nothing and sends nothing. An account without a signature secret can place
calls, but all its webhooks are refused.
https://developer.vonage.com/en/getting-started/concepts/signing-messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from providers.base.carrier import NEVER_ANSWERED as ANY_NEVER_ANSWERED
from providers.base.carrier import NumberFields
from providers.base.rest import Account
from providers.base.setting import API_URL, NUMBER, SIP_DOMAIN, Setting, SettingKind
from providers.base.webhook import Hook, HookKind
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import NotConfigured
from providers.events import EndedReason

NAME = "vonage"

HOOKS: tuple[Hook, ...] = (
    Hook(HookKind.ARRIVE, "/vonage/answer", ("GET", "POST")),
    Hook(HookKind.FALLBACK, "/vonage/fallback", ("GET", "POST")),
    Hook(HookKind.STATUS, "/vonage/event", ("GET", "POST")),
    Hook(HookKind.STATUS, "/vonage/event/<token>", ("GET", "POST")),
    # A forward's leg has the same events as any leg: only the URL tells them apart.
    Hook(HookKind.FORWARD, "/vonage/forward/<token>", ("GET", "POST")),
    Hook(HookKind.OPERATOR, "/vonage/operator/<token>", ("GET", "POST")),
    Hook(HookKind.SPOKE, "/vonage/spoke/<token>", ("GET", "POST")),
    Hook(HookKind.BRIEFED, "/vonage/briefed/<token>", ("GET", "POST")),
    Hook(HookKind.TALKED, "/vonage/talked/<token>", ("GET", "POST")),
    Hook(HookKind.OPERATOR_STATUS, "/vonage/operator_event/<token>", ("GET", "POST")),
    Hook(HookKind.WAIT, "/vonage/wait/<token>", ("GET", "POST")),
)

NUMBER_FIELDS = NumberFields("vonagePhoneNumber", None)
CONNECT_FAILED = EndedReason.VONAGE_FAILED_TO_CONNECT_CALL
NEVER_ANSWERED = ANY_NEVER_ANSWERED | {CONNECT_FAILED, EndedReason.VONAGE_REJECTED}

SETTINGS = (
    Setting("VONAGE_API_KEY", "apiKey", "account of the default Vonage number", required=True),
    Setting(
        "VONAGE_API_SECRET",
        "apiSecret",
        "its API secret: with it `patchbay doctor` checks the number's settings",
        SettingKind.SECRET,
    ),
    Setting(
        "VONAGE_SIGNATURE_SECRET",
        "signatureSecrets",
        "the account's *signature secret* (dashboard, Settings): without it every webhook is refused;"
        " `new,old` while rotating",
        SettingKind.LIST,
        required=True,
    ),
    Setting("VONAGE_APPLICATION_ID", "vonageApplicationId", "application that owns the number"),
    Setting(
        "VONAGE_PRIVATE_KEY",
        "vonageApplicationPrivateKey",
        "its private key, PEM (`\\n` for line ends where a dashboard allows one line only)",
        SettingKind.PEM,
    ),
    Setting("VONAGE_PHONE_NUMBER", NUMBER, "digits or E.164"),
    Setting(
        "VONAGE_SIP_DOMAIN",
        SIP_DOMAIN,
        "a SIP domain of the application: `NAME.sip.nexmo.com`. A SIP call to it can join a "
        "[web call](web-calls.md)",
        SettingKind.HOST,
    ),
    Setting(
        "VONAGE_API_URL",
        API_URL,
        "another address of its REST API",
        SettingKind.URL,
        default="Vonage's",
    ),
)

API_KEY = re.compile(r"[A-Za-z0-9]{4,32}")
API_HOST = re.compile(r"api(-[a-z0-9-]+)?\.(nexmo|vonage)\.com")
"""Hosts that may get our application's token. A request that names another one is refused.
https://developer.vonage.com/en/voice/voice-api/concepts/regions"""

CREDENTIAL_FIELDS = {
    "apiSecret": "apiSecret",
    "vonageApplicationId": "applicationId",
    "vonageApplicationPrivateKey": "privateKey",
}
"""Vapi's field of a credential -> our name of the secret."""


def account(ref: str, secrets: JsonObject) -> Account:
    """The account of API key ``ref``; ``secrets`` are checked and copied.

    ``signatureSecrets`` is a list, newest first, so that a secret can be rotated. Raises
    ``NotConfigured``.
    """
    if not isinstance(ref, str) or not API_KEY.fullmatch(ref):
        raise NotConfigured("Vonage apiKey: 4 to 32 letters and digits, as shown in the dashboard")
    unknown = sorted(set(secrets) - set(SECRETS))
    if unknown:
        raise NotConfigured(f"Vonage secrets: unknown name {unknown[0]}")
    given = {name: value for name, value in secrets.items() if value is not None}
    checked = {name: SECRETS[name](name, value) for name, value in given.items()}
    if "privateKey" in checked and "applicationId" not in checked:
        raise NotConfigured("Vonage privateKey: vonageApplicationId is missing beside it")
    return Account(ref, checked)


def credential(body: JsonObject) -> tuple[str, JsonDict, JsonDict]:
    """Vapi's credential body -> (api key, public fields, secrets). Raises ``NotConfigured``.

    ``signatureSecret`` (or ``signatureSecrets``) is our own field: Vapi creates the application
    itself and needs none.
    """
    given = {ours: body.get(theirs) for theirs, ours in CREDENTIAL_FIELDS.items()}
    secrets = {name: value for name, value in given.items() if value is not None}
    signing = _signing(body)
    if signing is not None:
        secrets["signatureSecrets"] = signing
    made = account(body.get("apiKey", ""), secrets)
    for name in ("apiSecret", "applicationId"):
        text = made.secrets.get(name, "")
        if not (text.isascii() and text.isprintable()):
            raise NotConfigured(f"Vonage {name} must be plain ASCII: it is sent as a header")
    public = {"apiKey": made.ref}
    if "applicationId" in made.secrets:
        public["vonageApplicationId"] = made.secrets["applicationId"]
    return made.ref, public, dict(made.secrets)


def _signing(body: JsonObject) -> Any:
    one, several = body.get("signatureSecret"), body.get("signatureSecrets")
    if one is not None and several is not None:
        raise NotConfigured("Vonage signatureSecret: give it or signatureSecrets, not both")
    return several if one is None else [one]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise NotConfigured(f"Vonage {name}: a non-empty string is wanted")
    return value.strip()


def _texts(name: str, value: Any) -> list[str]:
    if not isinstance(value, list | tuple) or not value:
        raise NotConfigured(f"Vonage {name}: a list of strings, at least one, is wanted")
    return [_text(name, item) for item in value]


def _private_key(name: str, value: Any) -> str:
    # Environments with one-line values spell newlines as "\n". Other text than PEM is refused:
    # the SDK would take "x.key" for a path and read that file.
    text = _text(name, value).replace("\\n", "\n")
    if not text.startswith("-----BEGIN "):
        raise NotConfigured(f"Vonage {name}: a PEM text is wanted, beginning with -----BEGIN")
    return text + "\n"


SECRETS: Mapping[str, Callable[[str, Any], Any]] = {
    "signatureSecrets": _texts,
    "apiSecret": _text,
    "applicationId": _text,
    "privateKey": _private_key,
}
"""Name of a secret -> its check. The signature secret is neither the API secret nor the key."""
