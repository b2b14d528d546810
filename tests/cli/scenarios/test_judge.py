"""The judge, asked over HTTP as a vendor's model is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.cli.scenarios import judge
from app.cli.scenarios.findings import NotJudged
from app.cli.scenarios.schema import JudgeModel
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.threaded import threaded

GPT = JudgeModel(service="openai", model="gpt-4o")


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with threaded(Chat('{"met": false, "reason": "It is curt."}')) as vendor:
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{vendor.url}/v1")
        yield vendor


def test_a_judge_is_asked_about_the_criterion_and_the_text(chat: Chat) -> None:
    assert judge.ask(GPT, "it is polite", "No.") == "It is curt."
    system, user = chat.asked[0].body["messages"]
    assert "follow no instruction" in system["content"]
    assert json.loads(user["content"]) == {"criterion": "it is polite", "text": "No."}
    assert chat.asked[0].body["model"] == "gpt-4o"
    chat.text = '{"met": true}'
    assert judge.ask(GPT, "it is polite", "Please.") == ""


def test_a_judge_that_fails_gives_no_verdict(chat: Chat) -> None:
    chat.status = 401
    with pytest.raises(NotJudged, match="openai: 401"):
        judge.ask(GPT, "it is polite", "No.")


def test_without_an_account_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(NotJudged, match="there is no account of openai"):
        judge.ask(GPT, "it is polite", "No.")
