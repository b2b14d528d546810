"""Twilio's accounts and credentials: every wrong shape is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from providers.errors import NotConfigured
from providers.twilio import TWILIO, config
from tests.providers.twilio.case import ACCOUNT_SID, NEW_TOKEN, TOKEN


def test_the_hooks_are_a_contract_with_every_flow_out_there() -> None:
    assert [(hook.kind.value, hook.path, *hook.methods) for hook in config.HOOKS] == [
        ("arrive", "/twilio/inbound_call", "GET", "POST"),
        ("fetch", "/twilio/calls/<call_id>/twiml", "GET", "POST"),
        ("status", "/twilio/status", "GET", "POST"),
        ("status", "/twilio/status/<token>", "GET", "POST"),
        ("stream", "/twilio/stream/<token>", "GET", "POST"),
        ("continue", "/twilio/after/<token>", "GET", "POST"),
        ("machine", "/twilio/amd/<token>", "GET", "POST"),
        ("forward", "/twilio/dial/<token>", "GET", "POST"),
        ("operator", "/twilio/operator/<token>", "GET", "POST"),
        ("spoke", "/twilio/spoke/<token>", "GET", "POST"),
        ("briefed", "/twilio/briefed/<token>", "GET", "POST"),
        ("talked", "/twilio/talked/<token>", "GET", "POST"),
        ("operator-status", "/twilio/operator_status/<token>", "GET", "POST"),
        ("room", "/twilio/room/<token>", "GET", "POST"),
        ("recording", "/twilio/recording/<token>", "GET", "POST"),
        ("wait", "/twilio/wait/<token>", "GET", "POST"),
    ]


def test_an_account_keeps_its_secrets_and_does_not_print_them() -> None:
    secrets = {"authTokens": [NEW_TOKEN, TOKEN], "apiKey": "SK1", "apiSecret": "s3cret"}
    account = config.account(ACCOUNT_SID, secrets)
    assert account.secrets == secrets
    assert TOKEN not in repr(account)


@pytest.mark.parametrize(
    ("ref", "secrets", "named"),
    [
        ("", {"authTokens": [TOKEN]}, "accountSid"),
        (ACCOUNT_SID.upper(), {"authTokens": [TOKEN]}, "accountSid"),  # Twilio's are lower case
        (ACCOUNT_SID + "\n", {"authTokens": [TOKEN]}, "accountSid"),
        ("SK" + "ab" * 16, {"authTokens": [TOKEN]}, "accountSid"),  # an API key is no account
        (ACCOUNT_SID, {}, "authTokens"),
        (ACCOUNT_SID, {"authTokens": []}, "authTokens"),
        (ACCOUNT_SID, {"authTokens": TOKEN}, "authTokens"),  # a string is a list of letters
        (ACCOUNT_SID, {"authTokens": [TOKEN, ""]}, "authTokens"),
        (ACCOUNT_SID, {"authTokens": [TOKEN + "\n"]}, "authTokens"),  # pasted
        (ACCOUNT_SID, {"authTokens": [TOKEN], "apiKey": "SK1"}, "apiSecret"),  # half configured
        (ACCOUNT_SID, {"authTokens": [TOKEN], "apiSecret": "s"}, "apiKey"),
        (ACCOUNT_SID, {"authTokens": [TOKEN], "apiKey": "", "apiSecret": "s"}, "apiKey"),
        (ACCOUNT_SID, {"authTokens": [TOKEN], "authToken": TOKEN}, "authToken"),
        (ACCOUNT_SID, {"apiKey": "SK1", "apiSecret": "s"}, "authTokens"),  # cannot verify
    ],
)
def test_a_wrong_account_is_named(ref: str, secrets: Mapping[str, Any], named: str) -> None:
    with pytest.raises(NotConfigured, match=named) as caught:
        config.account(ref, secrets)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "secrets"),
    [
        # Vapi's credential
        (
            {"provider": "twilio", "accountSid": ACCOUNT_SID, "authToken": TOKEN, "name": "x"},
            {"authTokens": [TOKEN]},
        ),
        # ours, for a rotation
        (
            {"accountSid": ACCOUNT_SID, "authTokens": [NEW_TOKEN, TOKEN]},
            {"authTokens": [NEW_TOKEN, TOKEN]},
        ),
        # a phone number's spelling
        (
            {"provider": "twilio", "twilioAccountSid": ACCOUNT_SID, "twilioAuthToken": TOKEN},
            {"authTokens": [TOKEN]},
        ),
        # with an API key for REST; null is as good as absent
        (
            {
                "accountSid": ACCOUNT_SID,
                "authToken": TOKEN,
                "authTokens": None,
                "apiKey": "SK1",
                "apiSecret": "s",
            },
            {"authTokens": [TOKEN], "apiKey": "SK1", "apiSecret": "s"},
        ),
    ],
)
def test_a_credential(body: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
    assert config.credential(body) == (ACCOUNT_SID, {"accountSid": ACCOUNT_SID}, secrets)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "accountSid"),
        ({"provider": "vonage", "accountSid": ACCOUNT_SID, "authToken": TOKEN}, "provider"),
        ({"accountSid": 5, "authToken": TOKEN}, "accountSid"),
        ({"accountSid": ACCOUNT_SID}, "authToken"),
        ({"accountSid": ACCOUNT_SID, "authToken": ""}, "authTokens"),
        ({"accountSid": ACCOUNT_SID, "authToken": 5}, "authTokens"),
        # which of the two?
        ({"accountSid": ACCOUNT_SID, "authToken": TOKEN, "authTokens": [TOKEN]}, "authTokens"),
        ({"accountSid": ACCOUNT_SID, "twilioAccountSid": ACCOUNT_SID}, "twilioAccountSid"),
        ({"accountSid": ACCOUNT_SID, "authToken": TOKEN, "apiKey": "SK1"}, "apiSecret"),
    ],
)
def test_a_wrong_credential_is_named(body: Mapping[str, Any], named: str) -> None:
    with pytest.raises(NotConfigured, match=named):
        config.credential(body)


def test_names_that_others_look_up() -> None:
    assert TWILIO.name == "twilio"
    assert TWILIO.number_fields.number == "twilioPhoneNumber"
    assert TWILIO.number_fields.account_ref == "twilioAccountSid"
    assert TWILIO.number_fields.secrets == ("twilioAuthToken",)  # never echoed
    assert TWILIO.return_hosts == {"webhooks.twilio.com"}  # Studio's door, and no other host
    assert TWILIO.connect_failed == "twilio-failed-to-connect-call"
    assert not TWILIO.records_in_markup
