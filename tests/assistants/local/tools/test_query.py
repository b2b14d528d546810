"""The query tool: in uploaded files, and at a client's server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.assistants.local.tools import query
from app.assistants.local.tools.reading import read_tools
from app.assistants.local.tools.run import ToolFailed
from app.domain.assistant.config import AssistantConfig
from app.domain.context import Reply
from app.domain.resources.files import Found
from tests.assistants.local.tools.running import run_of
from tests.assistants.local.tools.test_execution import asked, learned, questions
from tests.clock import on_loop

ID = "00000000-0000-4000-8000-000000000000"
SHOP = {"provider": "google", "name": "Shop", "description": "Hours and prices", "fileIds": [ID]}
THEIRS: dict[str, Any] = {
    "provider": "custom-knowledge-base",
    "server": {"url": "https://kb.example.com/"},
}


def tool(*bases: Any) -> dict[str, Any]:
    return {"type": "query", "function": {"name": "shop"}, "knowledgeBases": [*bases]}


@on_loop
async def test_the_model_gets_what_was_found() -> None:
    async with asked([tool(SHOP)], ("shop", ['{"query": "when open"}'])) as (call, theirs):
        call.domain.files = [Found("Open from 9 to 5.", "hours.md")]
        await call.said("AI: Surely.")
        *_, ids, question = await call.domain.hears("search")
    assert (ids, question) == ([ID], "when open")
    assert learned(theirs) == ["From hours.md:\nOpen from 9 to 5."]


@on_loop
async def test_nothing_found_is_told() -> None:
    async with asked([tool(SHOP)], ("shop", ['{"query": "x"}'])) as (call, theirs):
        await call.said("AI: Surely.")
    assert learned(theirs) == [query.NOTHING]


@on_loop
async def test_a_clients_server_is_asked() -> None:
    documents = [{"content": "less", "similarity": 0.1}, {"content": "best", "similarity": 0.9}]
    replies = [Reply(json.dumps({"documents": documents}).encode())]
    turn = ("shop", ['{"query": "x"}'])
    async with asked([tool(THEIRS)], turn, replies=replies) as (call, theirs):
        await call.said("AI: Surely.")
    assert learned(theirs) == ["best\n\nless"]
    [(kind, fields, server)] = questions(call)
    assert kind == "knowledge-base-request"
    assert fields["messages"] == [{"role": "user", "content": "x"}]
    assert server["url"] == THEIRS["server"]["url"]


def test_the_older_field_is_a_tool() -> None:
    model = {"provider": "openai", "knowledgeBase": {"provider": "canonical", "fileIds": [ID]}}
    [read] = read_tools(AssistantConfig({"model": model}))
    assert (read.kind, read.name) == ("query", "knowledge_base")
    assert read.parameters["required"] == ["query"]


def test_the_description_names_the_knowledge_bases() -> None:
    [read] = read_tools(AssistantConfig({"model": {"provider": "openai", "tools": [tool(SHOP)]}}))
    assert read.description.endswith("Shop: Hours and prices")


@on_loop
async def test_an_empty_question_is_refused() -> None:
    with pytest.raises(ToolFailed, match="empty"):
        await query.search(run_of(tool(SHOP), query=" "))
