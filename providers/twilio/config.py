"""Twilio's constants: URLs, accounts and field names.

This file checks only shapes: the first signed request shows whether a token is right.
https://www.twilio.com/docs/iam/api/account
"""

from __future__ import annotations

import re
from typing import Any

from providers.base.carrier import NEVER_ANSWERED as ANY_NEVER_ANSWERED
from providers.base.carrier import NumberFields
from providers.base.rest import Account
from providers.base.setting import API_URL, NUMBER, SIP_DOMAIN, Setting, SettingKind
from providers.base.webhook import Hook, HookKind
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import NotConfigured
from providers.events import EndedReason

NAME = "twilio"

# The owner's settings choose the method of most URLs.
_METHODS = ("GET", "POST")
HOOKS: tuple[Hook, ...] = (
    Hook(HookKind.ARRIVE, "/twilio/inbound_call", _METHODS),
    Hook(HookKind.FETCH, "/twilio/calls/<call_id>/twiml", _METHODS),
    Hook(HookKind.STATUS, "/twilio/status", _METHODS),
    Hook(HookKind.STATUS, "/twilio/status/<token>", _METHODS),
    Hook(HookKind.STREAM, "/twilio/stream/<token>", _METHODS),
    Hook(HookKind.CONTINUE, "/twilio/after/<token>", _METHODS),
    Hook(HookKind.MACHINE, "/twilio/amd/<token>", _METHODS),
    Hook(HookKind.FORWARD, "/twilio/dial/<token>", _METHODS),
    Hook(HookKind.OPERATOR, "/twilio/operator/<token>", _METHODS),
    Hook(HookKind.SPOKE, "/twilio/spoke/<token>", _METHODS),
    Hook(HookKind.BRIEFED, "/twilio/briefed/<token>", _METHODS),
    Hook(HookKind.TALKED, "/twilio/talked/<token>", _METHODS),
    Hook(HookKind.OPERATOR_STATUS, "/twilio/operator_status/<token>", _METHODS),
    Hook(HookKind.ROOM, "/twilio/room/<token>", _METHODS),
    Hook(HookKind.RECORDING, "/twilio/recording/<token>", _METHODS),
    Hook(HookKind.WAIT, "/twilio/wait/<token>", _METHODS),
)

NUMBER_FIELDS = NumberFields("twilioPhoneNumber", "twilioAccountSid", ("twilioAuthToken",))

# The query that marks the outcome of a ``<Refer>``, whose parameters may all be missing.
REFER_QUERY = "verb=refer"
FLOW_HOST = "webhooks.twilio.com"
RETURN_HOSTS = frozenset({FLOW_HOST})
"""The host of Studio's webhook: a Studio flow takes a call back only there."""

PROOF_HEADERS = ("x-twilio-signature", "i-twilio-idempotency-token")

CONNECT_FAILED = EndedReason.TWILIO_FAILED_TO_CONNECT_CALL
NEVER_ANSWERED = ANY_NEVER_ANSWERED | {CONNECT_FAILED}

SETTINGS = (
    Setting(
        "TWILIO_ACCOUNT_SID", "accountSid", "account of the default Twilio number", required=True
    ),
    Setting(
        "TWILIO_AUTH_TOKEN",
        "authTokens",
        "its auth token; `new,old` while rotating",
        SettingKind.LIST,
        required=True,
    ),
    Setting(
        "TWILIO_PHONE_NUMBER", NUMBER, "E.164; becomes a phone number of the default organisation"
    ),
    Setting(
        "TWILIO_SIP_DOMAIN",
        SIP_DOMAIN,
        "a SIP domain of the account: `NAME.sip.twilio.com`. A SIP call to it can join a "
        "[web call](web-calls.md)",
        SettingKind.HOST,
    ),
    Setting(
        "TWILIO_API_URL",
        API_URL,
        "another address of its REST API",
        SettingKind.URL,
        default="Twilio's",
    ),
)

ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
CALL_SID = re.compile(r"CA[0-9a-f]{32}")
STREAM_SID = re.compile(r"MZ[0-9a-f]{32}")
RECORDING_SID = re.compile(r"RE[0-9a-f]{32}")
"""https://www.twilio.com/docs/glossary/what-is-a-sid"""
_SECRET_NAMES = frozenset({"authTokens", "apiKey", "apiSecret"})


def account(ref: str, secrets: JsonObject) -> Account:
    """An account with its secrets: ``authTokens`` (newest first), ``apiKey`` and ``apiSecret`` (REST).

    An account has several auth tokens during a rotation. Twilio signs with the primary token
    until the secondary one is promoted, and does not announce that moment. API keys never sign.
    ``NotConfigured`` names the wrong field, never its value.
    https://www.twilio.com/docs/iam/api/authtoken
    """
    if not ACCOUNT_SID.fullmatch(ref):
        raise NotConfigured("accountSid must be AC and 32 hexadecimal digits (lower case)")
    if unknown := sorted(set(secrets) - _SECRET_NAMES):
        raise NotConfigured(f"not a secret of a Twilio account: {', '.join(unknown)}")
    tokens = secrets.get("authTokens")
    if not isinstance(tokens, list | tuple) or not tokens:
        raise NotConfigured("authTokens must be a list of at least one auth token")
    for token in tokens:
        _text("authTokens", token)
    if ("apiKey" in secrets) != ("apiSecret" in secrets):
        raise NotConfigured("apiKey and apiSecret go together")
    rest = {name: _text(name, secrets[name]) for name in ("apiKey", "apiSecret") if name in secrets}
    return Account(ref, {"authTokens": list(tokens), **rest})


def credential(body: JsonObject) -> tuple[str, JsonDict, JsonDict]:
    """Vapi's Twilio credential -> (account sid, public fields, secrets).

    It also reads the fields of a phone number (``twilioAccountSid``, ``twilioAuthToken``).
    ``NotConfigured`` names the wrong field.
    """
    if body.get("provider", NAME) != NAME:
        raise NotConfigured("provider must be twilio")
    ref = _one_of(body, "accountSid", "twilioAccountSid")
    if not isinstance(ref, str):
        raise NotConfigured("accountSid must be a string")
    tokens = _one_of(body, "authToken", "authTokens", "twilioAuthToken")
    secrets = {"authTokens": [tokens] if isinstance(tokens, str) else tokens}
    secrets |= {name: body[name] for name in ("apiKey", "apiSecret") if body.get(name) is not None}
    checked = account(ref, secrets)
    for name, value in checked.secrets.items():
        if not all(each.isascii() and each.isprintable() for each in value):
            raise NotConfigured(f"{name} must be plain ASCII: it is sent as a header")
    return ref, {"accountSid": ref}, dict(checked.secrets)


def _one_of(body: JsonObject, *names: str) -> Any:
    """The value of the one field that has any of these names."""
    given = [name for name in names if body.get(name) is not None]
    if not given:
        raise NotConfigured(f"{names[0]} is missing")
    if len(given) > 1:
        raise NotConfigured(f"{' and '.join(given)} say the same thing: give one")
    return body[given[0]]


def _text(name: str, value: object) -> str:
    # A pasted line end is invisible and makes every signature fail.
    if not isinstance(value, str) or not value or value != value.strip():
        raise NotConfigured(f"{name} must hold non-empty text without spaces around it")
    return value
