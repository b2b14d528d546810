"""Which accounts signed a webhook: those that it names, or those of the call in its URL."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import jwt
import pytest

from app.domain.calls import tokens
from app.domain.calls.record import Call
from app.domain.legs.auth import belongs, verify
from app.store import accounts, resources, schema
from app.store.vault import Vault
from app.wiring import Services
from providers.base.webhook import WebhookRequest
from providers.errors import InvalidSignature, NoSecret
from providers.twilio import TWILIO
from providers.vonage import VONAGE
from providers.web import WEB
from tests.domain.live_call import ECHO, status_path
from tests.fakes.carriers.vonage import CREDENTIAL, VonageLeg
from tests.routes.api import Api

pytestmark = pytest.mark.any_store  # the subject: signatures

SECRET = "a signature secret of Vonage, long enough"
BODY = json.dumps({"status": "ringing"}).encode()


def request(**claims: Any) -> WebhookRequest:
    """Signed with the credential's secret; its token has these claims beside the necessary ones."""
    now = datetime.now(UTC)
    digest = hashlib.sha256(BODY).hexdigest()
    needed = {"iat": int(now.timestamp()), "jti": str(now), "payload_hash": digest}
    made = jwt.encode({**needed, **claims}, SECRET)
    url = "https://bridge.example/vonage/event"
    return WebhookRequest("POST", url, [("authorization", f"Bearer {made}")], BODY, now)


@pytest.fixture
def call(api: Api) -> dict[str, Any]:
    return api.call(phoneNumberId=VonageLeg.number_of(api, secret=SECRET)["id"])


def token_of(call: dict[str, Any]) -> str:
    """The token in the call's status URL."""
    return status_path(call).rpartition("/")[2]


def signers(services: Services, made: WebhookRequest, token: str | None = None) -> list[str]:
    """The organisations whose account signed the request."""
    return [str(row["org_id"]) for row in verify(services.context, VONAGE, made, token)]


NAMED = {"api_key": CREDENTIAL["apiKey"]}
UNNAMED = {"application_id": "an application of theirs"}


def test_an_account_that_the_request_names(services: Services, api: Api, call: Any) -> None:
    assert signers(services, request(**NAMED)) == [api.org_id]


def test_an_account_that_is_unknown(services: Services, call: Any) -> None:
    with pytest.raises(NoSecret, match=r"^no account 'abcd9999' is known here$"):
        signers(services, request(api_key="abcd9999"))


def test_the_account_of_the_call(services: Services, api: Api, call: Any) -> None:
    """The token of the request names no account: the call in its URL has one."""
    assert signers(services, request(**UNNAMED), token_of(call)) == [api.org_id]


@pytest.mark.parametrize("token", [None, "", "a token of no call"])
def test_neither_an_account_nor_a_call(services: Services, call: Any, token: str | None) -> None:
    with pytest.raises(NoSecret):
        signers(services, request(**UNNAMED), token)


def test_the_same_account_of_another_organisation(
    services: Services, api: Api, other: Api, call: Any
) -> None:
    """It counts when the account is named; a call's own account is its organisation's alone."""
    VonageLeg.number_of(other, secret=SECRET)
    assert sorted(signers(services, request(**NAMED))) == sorted([api.org_id, other.org_id])
    assert signers(services, request(**UNNAMED), token_of(call)) == [api.org_id]


def test_a_credential_that_cannot_be_opened(
    services: Services, api: Api, other: Api, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Another organisation's was sealed with a key that is gone: ours still counts."""
    VonageLeg.number_of(other, secret=SECRET)
    with services.store.write() as conn:
        [row] = [
            row
            for row in accounts.credentials_of_account(conn, "vonage", CREDENTIAL["apiKey"])
            if row["org_id"] == other.org_id
        ]
        sealed = Vault(("a key of before, which is gone",)).seal({"apiSecret": "x"})
        resources.update(conn, schema.credentials, other.org_id, row["id"], {"secret": sealed})
    with caplog.at_level(logging.ERROR):
        assert signers(services, request(**NAMED)) == [api.org_id]
    [line] = [record for record in caplog.records if record.name == "app.domain.legs.auth"]
    assert str(row["id"]) in line.getMessage()


def test_a_wrong_secret_is_told_of_the_account(services: Services, call: Any) -> None:
    made = request(**NAMED)
    changed = WebhookRequest("POST", made.url, made.headers, BODY + b" ", made.received_at)
    with pytest.raises(InvalidSignature):
        signers(services, changed)


# ------------------------------------------------------------------ a call without a carrier


def of_call(services: Services, call_id: str) -> str:
    """A callback token of the call."""
    return tokens.write(services.context.vault, tokens.Purpose.CALLBACK, b"nonce-", call_id)


def test_a_web_calls_token_is_its_proof(services: Services, api: Api) -> None:
    made = api.made("/call/web", {"assistant": ECHO})
    unsigned = WebhookRequest("POST", "https://bridge.example/web", [], b"", datetime.now(UTC))
    [account] = verify(services.context, WEB, unsigned, of_call(services, made["id"]))
    assert (str(account["org_id"]), account["account_ref"]) == (api.org_id, "web")


def test_a_web_request_without_a_web_calls_token(services: Services, call: Any) -> None:
    """A call of a carrier has tokens too, and they open nothing here."""
    unsigned = WebhookRequest("POST", "https://bridge.example/web", [], b"", datetime.now(UTC))
    for token in (None, "", "a token of no call", of_call(services, call["id"])):
        with pytest.raises(InvalidSignature, match="the token is of no call here"):
            verify(services.context, WEB, unsigned, token)


# ------------------------------------------------------------------ whose call it is

SIGNER = {"org_id": "ours", "account_ref": "abcd1234"}


@pytest.mark.parametrize(
    ("provider", "org", "account", "is_theirs"),
    [
        ("vonage", "ours", "abcd1234", True),
        ("twilio", "ours", "abcd1234", False),  # the same name of an account elsewhere
        ("vonage", "another", "abcd1234", False),
        ("vonage", "ours", "abcd9999", False),
        ("vonage", "ours", None, False),
    ],
)
def test_whose_call_it_is(provider: str, org: str, account: str | None, is_theirs: bool) -> None:
    facts = SimpleNamespace(account_ref=account)
    call = cast(Call, SimpleNamespace(provider=provider, org_id=org, facts=facts))
    assert belongs(call, VONAGE, [SIGNER]) is is_theirs
    assert belongs(call, VONAGE, [{**SIGNER, "org_id": "a third"}, SIGNER]) is is_theirs
    assert belongs(call, VONAGE, []) is False
    assert belongs(call, TWILIO, [SIGNER]) is (provider == "twilio")
