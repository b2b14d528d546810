"""What an account must hold, and Vapi's credential body."""

from __future__ import annotations

from typing import Any

import pytest

from providers.errors import NotConfigured
from providers.vonage import VONAGE, config

PEM = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
BODY = {"provider": "vonage", "apiKey": "abcd1234", "apiSecret": "s3cret"}


def test_an_account_keeps_what_it_was_given() -> None:
    secrets = {
        "signatureSecrets": ["new", "old"],
        "apiSecret": "s3cret",
        "applicationId": "app",
        "privateKey": PEM,
    }
    account = config.account("abcd1234", secrets)
    assert (account.ref, account.secrets) == ("abcd1234", secrets)


@pytest.mark.parametrize(
    "secrets",
    [
        {},  # can be held; nothing verifies with it
        {"signatureSecrets": ("one",)},
        {"apiSecret": None, "applicationId": None},  # absent, spelt as None
        {"applicationId": "app"},  # pins webhooks to one application, places no calls
    ],
)
def test_legal_accounts(secrets: dict[str, Any]) -> None:
    assert config.account("abcd1234", secrets).ref == "abcd1234"


@pytest.mark.parametrize(
    ("ref", "secrets", "named"),
    [
        ("", {}, "apiKey"),
        ("abc", {}, "apiKey"),  # too short
        ("a" * 33, {}, "apiKey"),
        ("abcd 1234", {}, "apiKey"),
        ("abcd1234\n", {}, "apiKey"),
        (None, {}, "apiKey"),
        ("abcd1234", {"signatureSecret": "s"}, "signatureSecret"),  # the list is wanted
        ("abcd1234", {"signatureSecrets": "s"}, "signatureSecrets"),
        ("abcd1234", {"signatureSecrets": []}, "signatureSecrets"),  # says neither yes nor no
        ("abcd1234", {"signatureSecrets": [""]}, "signatureSecrets"),
        ("abcd1234", {"signatureSecrets": ["good", None]}, "signatureSecrets"),
        ("abcd1234", {"signatureSecrets": [7]}, "signatureSecrets"),
        ("abcd1234", {"apiSecret": "  "}, "apiSecret"),
        ("abcd1234", {"applicationId": 7}, "applicationId"),
        ("abcd1234", {"privateKey": PEM}, "vonageApplicationId"),  # half configured
        ("abcd1234", {"applicationId": "app", "privateKey": "/etc/vonage.key"}, "PEM"),
        ("abcd1234", {"authTokens": ["x"]}, "authTokens"),  # another carrier's
    ],
)
def test_wrong_accounts_name_what_is_wrong(ref: Any, secrets: dict[str, Any], named: str) -> None:
    with pytest.raises(NotConfigured, match=named):
        config.account(ref, secrets)


def test_no_error_repeats_a_secret() -> None:
    with pytest.raises(NotConfigured) as caught:
        config.account("abcd1234", {"applicationId": "app", "privateKey": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_private_key_on_one_line() -> None:
    one_line = PEM.strip().replace("\n", "\\n")
    account = config.account("abcd1234", {"applicationId": "app", "privateKey": one_line})
    assert account.secrets["privateKey"] == PEM


def test_vapis_credential_with_our_signature_secret() -> None:
    body = BODY | {
        "vonageApplicationId": "app",
        "vonageApplicationPrivateKey": PEM,
        "signatureSecret": "signing",
    }
    ref, public, secrets = config.credential(body)
    assert ref == "abcd1234"
    assert public == {"apiKey": "abcd1234", "vonageApplicationId": "app"}
    assert secrets == {
        "apiSecret": "s3cret",
        "applicationId": "app",
        "privateKey": PEM,
        "signatureSecrets": ["signing"],
    }


def test_vapis_credential_as_vapi_takes_it() -> None:
    assert config.credential(BODY) == ("abcd1234", {"apiKey": "abcd1234"}, {"apiSecret": "s3cret"})


def test_what_only_answers_webhooks_needs_no_api_secret() -> None:
    body = {"apiKey": "abcd1234", "signatureSecrets": ["signing"]}
    assert config.credential(body)[2] == {"signatureSecrets": ["signing"]}


def test_several_signature_secrets() -> None:
    secrets = config.credential(BODY | {"signatureSecrets": ["new", "old"]})[2]
    assert secrets["signatureSecrets"] == ["new", "old"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"apiKey": None}, "apiKey"),
        ({"apiSecret": ""}, "apiSecret"),
        ({"signatureSecret": ""}, "signatureSecrets"),
        ({"signatureSecret": "a", "signatureSecrets": ["b"]}, "not both"),
        ({"vonageApplicationId": 7}, "applicationId"),
        ({"vonageApplicationPrivateKey": PEM}, "vonageApplicationId"),
        ({"vonageApplicationId": "a", "vonageApplicationPrivateKey": "MIIE"}, "privateKey"),
    ],
)
def test_wrong_credentials_name_what_is_wrong(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(NotConfigured, match=named):
        config.credential(BODY | changes)


def test_the_paths_are_those_configured_at_vonage() -> None:
    paths = [(hook.kind, hook.path) for hook in VONAGE.hooks]
    assert paths == [
        ("arrive", "/vonage/answer"),
        ("fallback", "/vonage/fallback"),
        ("status", "/vonage/event"),
        ("status", "/vonage/event/<token>"),
        ("forward", "/vonage/forward/<token>"),
        ("operator", "/vonage/operator/<token>"),
        ("spoke", "/vonage/spoke/<token>"),
        ("briefed", "/vonage/briefed/<token>"),
        ("talked", "/vonage/talked/<token>"),
        ("operator-status", "/vonage/operator_event/<token>"),
        ("wait", "/vonage/wait/<token>"),
    ]
    # The method is a setting of the application: GET is the default for answers.
    assert all(hook.methods == ("GET", "POST") for hook in VONAGE.hooks)


def test_names_that_others_look_up() -> None:
    assert VONAGE.name == "vonage"
    assert VONAGE.number_fields.number == "vonagePhoneNumber"
    assert VONAGE.number_fields.account_ref is None
    assert VONAGE.return_hosts == frozenset()
    assert VONAGE.connect_failed == "vonage-failed-to-connect-call"
