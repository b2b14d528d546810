"""What is known of an upstream's assistant before any call."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant import upstream
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.installation import Installation, check
from app.domain.assistant.served_fields import Fate
from app.settings import Settings
from app.vendors.common.account import VendorAccount
from app.vendors.vapi import MISSING

ACCOUNT = {"vapi": VendorAccount("a key")}
TRANSFER = {"type": "transferCall", "destinations": [{"type": "assistant"}]}


def found(accounts: Any = ACCOUNT, backend: str = "local", **fields: Any) -> dict[str, Fate]:
    settings = Settings(secret_keys=("a key of the tests",), assistant_backend=backend)
    assistant = AssistantConfig(fields)
    return {
        str(each): each.fate
        for each in check(assistant, Installation(settings, accounts))
        if each.fate is not Fate.SERVED
    }


def test_an_assistant_that_can_talk() -> None:
    model = {"provider": "openai", "model": "gpt-4o"}  # whose key is the upstream's matter
    assert found(transport={"provider": "vapi", "assistantId": "theirs"}, model=model) == {}


@pytest.mark.parametrize("accounts", [{}, {"vapi": VendorAccount(url="https://x.example")}])
def test_without_a_key_no_call_can_begin(accounts: Any) -> None:
    (line,) = found(accounts, transport={"provider": "vapi"})
    assert "VAPI_API_KEY" in line
    assert found(accounts, backend="vapi", name="x") == {line: Fate.REFUSED}


@pytest.mark.parametrize(
    "url",
    ["https://Calls.Example.com/", "https://calls.example.com:443", "http://calls.example.com./"],
)
def test_an_installation_is_not_its_own_upstream(url: str) -> None:
    account = VendorAccount("k", url)
    assert "itself" in (upstream.account_problem(account, "https://calls.example.com") or "")
    assert upstream.account_problem(account, "https://other.example.com") is None


def test_its_own_key_is_not_sent_in_the_assistant() -> None:
    """Vapi knows no credential of this provider, and would refuse the call."""
    given = [{"provider": "vapi", "apiKey": "k"}, {"provider": "openai", "apiKey": "o"}]
    assert upstream.sent({"credentials": given})["credentials"] == given[1:]


def test_without_the_sdk_no_call_can_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "is_installed", lambda: False)
    told = {f"transport.provider: {MISSING}": Fate.REFUSED}
    assert found(transport={"provider": "vapi"}) == told


def test_a_transfer_that_no_leg_can_make_is_told() -> None:
    model = {"provider": "openai", "model": "gpt-4o", "tools": [TRANSFER]}
    told = found(transport={"provider": "vapi"}, model=model)
    assert told["model.tools.0.type: " + upstream.NO_TRANSFER] is Fate.IGNORED
