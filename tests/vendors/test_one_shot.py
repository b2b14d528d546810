"""Questions to an assistant's model without the engine: what is asked, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from app.net.authentication import Bearer, Unusable
from app.settings import Settings, VendorSettings
from app.vendors.common.account import VendorAccount
from app.vendors.common.answer import ModelAnswer
from app.vendors.one_shot import MAX_TOKENS, OneShotModel
from app.wiring import ask_model
from tests.fakes.vendors.anthropic import Anthropic
from tests.fakes.vendors.chat import QUOTA, Chat
from tests.fakes.vendors.served import Fault
from tests.fakes.vendors.threaded import threaded

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What was it?"}]
SETTINGS = Settings(("a secret key of the tests",), allow_private_server_urls=True)
OPENAI = {"provider": "openai", "model": "gpt-4o", "maxTokens": 20, "temperature": 0.9}


@pytest.fixture(scope="module")
def served() -> Iterator[Chat]:
    with threaded(Chat("A table was booked.")) as running:
        yield running


@pytest.fixture
def chat(served: Chat) -> Chat:
    served.asked.clear()
    return served


def think(
    config: Mapping[str, Any],
    *keys: tuple[str, VendorAccount],
    settings: Settings = SETTINGS,
    seconds: float = 30.0,
) -> ModelAnswer:
    return OneShotModel(partial(ask_model, settings))(config, dict(keys), ASKED, seconds)


def test_one_that_speaks_openais(chat: Chat) -> None:
    thought = think(OPENAI, ("openai", VendorAccount("a key", f"{chat.url}/v1")))
    assert thought == ModelAnswer(
        "A table was booked.", {"provider": "openai", "model": "gpt-4o"}, 42, 17
    )
    (asked,) = chat.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer a key"
    assert asked.body == {
        "model": "gpt-4o",
        "messages": ASKED,
        "temperature": 0,
        "max_completion_tokens": MAX_TOKENS,  # not what the assistant says in one breath
    }


def test_azures_deployment(chat: Chat) -> None:
    config = {"provider": "azure-openai", "model": "mine"}
    think(config, ("azure-openai", VendorAccount("a key", chat.url, {"apiVersion": "2024-10-21"})))
    (asked,) = chat.asked
    assert asked.path == "/openai/deployments/mine/chat/completions"
    assert asked.query == {"api-version": "2024-10-21"}
    assert asked.headers["api-key"] == "a key"


def test_a_server_of_ones_own_without_a_key(chat: Chat) -> None:
    config = {"provider": "custom-llm", "url": chat.url, "headers": {"X-Own": "1"}}
    assert think(config).text
    (asked,) = chat.asked
    assert asked.headers["x-own"] == "1"
    assert "authorization" not in asked.headers


def test_anthropics() -> None:
    with threaded(Anthropic("A table was booked.")) as claude:
        config = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
        thought = think(config, ("anthropic", VendorAccount("a key", claude.url)))
        (asked,) = claude.asked
    assert (thought.text, thought.error) == ("A table was booked.", None)
    assert thought.prompt_tokens > 0
    assert asked.headers["x-api-key"] == "a key"
    assert (asked.body["system"], asked.body["messages"]) == ("Be brief.", ASKED[1:])


@pytest.mark.parametrize(
    ("fault", "passing"),
    [
        (Fault(500), True),  # may be gone soon
        (Fault(429), True),
        (Fault(429, QUOTA), False),  # will not
        (Fault(401), False),
        (Fault(refused=True), True),
        (Fault(silent=True), True),  # within the seconds it has
    ],
)
def test_what_goes_wrong(chat: Chat, fault: Fault, passing: bool) -> None:
    chat.faults.append(fault)
    thought = think(OPENAI, ("openai", VendorAccount("key", f"{chat.url}/v1")), seconds=0.3)
    assert thought.error
    assert thought.transient is passing


def test_a_fallback_model_answers_for_one_that_fails(chat: Chat) -> None:
    chat.faults.append(Fault(404))
    config = {**OPENAI, "fallbackModels": ["gpt-4o-mini"]}
    thought = think(config, ("openai", VendorAccount("key", f"{chat.url}/v1")))
    assert (thought.model["model"], thought.error) == ("gpt-4o-mini", None)


def test_a_model_that_speaks_leaves_the_question_to_one_that_writes(chat: Chat) -> None:
    config = {"provider": "openai", "model": "gpt-realtime-2025-08-28"}
    thought = think(config, ("openai", VendorAccount("key", f"{chat.url}/v1")))
    assert (thought.model["model"], thought.error) == ("gpt-4o", None)


def test_no_key_and_no_model() -> None:
    assert "OPENAI_API_KEY" in (think(OPENAI).error or "")
    assert think({}).error


def test_a_clients_private_address_is_not_called(chat: Chat) -> None:
    """The operator's own may be one."""
    strict = Settings(SETTINGS.secret_keys)
    config = {"provider": "custom-llm", "url": chat.url}
    assert think(config, settings=strict).error
    assert chat.asked == []
    own = Settings(
        SETTINGS.secret_keys, vendors=(VendorSettings("openai", "key", f"{chat.url}/v1"),)
    )
    assert think(config, settings=own).error  # not even the operator's, by a client's word
    assert chat.asked == []
    assert think(OPENAI, ("openai", VendorAccount("key", f"{chat.url}/v1")), settings=own).text


def test_a_custom_model_is_asked_with_a_token(chat: Chat) -> None:
    signer = Bearer({"type": "bearer", "token": "t"})
    account = VendorAccount("none", f"{chat.url}/v1", signer=signer)
    thought = think({"provider": "custom-llm"}, ("custom-llm", account))
    assert thought.text == "A table was booked."
    assert chat.asked[0].headers["authorization"] == "Bearer t"
    gone = VendorAccount("none", f"{chat.url}/v1", signer=Unusable("it is gone"))
    assert "it is gone" in think({"provider": "custom-llm"}, ("custom-llm", gone)).error
