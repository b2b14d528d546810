"""The summary that an operator gets, by the assistant's model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.legs.transfer_summary import summarise
from app.settings import Settings
from app.vendors.common.answer import ModelAnswer
from tests.domain.legs.warm_transfer import there
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

MODEL = {"provider": "custom-llm", "url": "https://model.example/v1", "model": "m"}
SUMMARY = "warm-transfer-say-summary"


@pytest.fixture
def ours(settings: Settings) -> Iterator[Domain]:
    with domain(settings) as (made, _):
        yield made


def asked(ours: Domain, answer: ModelAnswer, mode: str = SUMMARY, **plan: Any) -> tuple[str, Any]:
    """The summary, and what the model was asked."""
    questions = list[Any]()

    def ask(model: Any, accounts: Any, messages: Any, seconds: float) -> ModelAnswer:
        questions.append((messages, seconds))
        return answer

    assistant = {"model": MODEL, "transport": {"provider": "local"}}
    call = ours.create(TWILIO, assistant=assistant, phoneCallProviderBypassEnabled=True)
    context = replace(ours.context, ask_model=ask)
    return summarise(context, call["id"], there(mode, **plan)), questions


def test_the_model_is_asked_as_for_an_analysis(ours: Domain) -> None:
    told, [(messages, seconds)] = asked(ours, ModelAnswer(" Wants a desk. "))
    assert told == "Wants a desk."
    assert "note-taker" in messages[0]["content"]
    assert seconds == 5


def test_the_plan_has_its_own_words_and_time(ours: Domain) -> None:
    own = {"messages": [{"role": "user", "content": "Say it in a word."}], "timeoutSeconds": 2}
    _, [(messages, seconds)] = asked(ours, ModelAnswer("Desk."), summaryPlan=own)
    assert (messages[0]["content"], seconds) == ("Say it in a word.", 2)


def test_without_an_answer_there_is_none(ours: Domain) -> None:
    assert asked(ours, ModelAnswer(error="too slow"))[0] == ""


def test_each_summary_is_paid_for(ours: Domain) -> None:
    model = {"provider": "openai", "model": "gpt-4o"}
    answer = ModelAnswer("Desk.", model=model, prompt_tokens=700, completion_tokens=20)
    assistant = {"model": MODEL, "transport": {"provider": "local"}}
    call = ours.create(TWILIO, assistant=assistant, phoneCallProviderBypassEnabled=True)
    context = replace(ours.context, ask_model=lambda *_: answer)
    for _ in range(2):  # a call has several attempts
        summarise(context, call["id"], there(SUMMARY))
    shown = ours.get(call)
    assert shown["costBreakdown"]["llmPromptTokens"] == 1400
    assert shown["cost"] > 0


def test_a_plan_with_a_message_asks_nothing(ours: Domain) -> None:
    assert asked(ours, ModelAnswer("Desk."), "warm-transfer-say-message") == ("", [])
