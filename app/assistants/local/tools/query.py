"""The tool that searches in knowledge bases: uploaded files, or a client's server.

https://docs.vapi.ai/knowledge-base/using-query-tool
"""

from __future__ import annotations

from app.assistants.local.tools.run import SERVER_SECONDS, Outcome, Run, ToolFailed
from app.domain.assistant import knowledge
from app.domain.assistant.config import server_of
from app.domain.assistant.fields import object_of, objects_of, text_of
from app.domain.assistant.knowledge import CUSTOM
from providers.common import foreign_json
from providers.common.json_types import JsonObject

REQUEST = "knowledge-base-request"
NOTHING = "Nothing was found in the knowledge base."
# The most characters that the model gets, of all documents together.
MOST_TEXT = 8000


async def search(run: Run) -> Outcome:
    """Search in all knowledge bases of the tool. Raises ``ToolFailed``."""
    question = text_of(run.arguments, "query").strip()
    if not question:
        raise ToolFailed("the query is empty")
    bases = objects_of(run.tool.json, "knowledgeBases")
    texts = list[str]()
    if ids := knowledge.file_ids(bases):
        found = await run.call_context.search_files(ids, question)
        texts += [f"From {each.file}:\n{each.text}" for each in found]
    for base in bases:
        if base.get("provider") == CUSTOM:
            texts += await _asked(run, base, question)
    return Outcome("\n\n".join(texts)[:MOST_TEXT] or NOTHING)


async def _asked(run: Run, base: JsonObject, question: str) -> list[str]:
    """What a client's server finds."""
    server = server_of(base)
    if server is None:
        raise ToolFailed("the knowledge base has no server")
    messages = [{"role": "user", "content": question}]
    extra = {"messages": messages, "messagesOpenAIFormatted": messages}
    seconds = float(server.policy.get("timeoutSeconds") or SERVER_SECONDS)
    reply = await run.call_context.request(REQUEST, extra, seconds, server.asked)
    if reply.error is not None:
        raise ToolFailed(f"the knowledge base's server failed: {reply.error}")
    try:
        answer = foreign_json.parse(reply.body.decode(errors="replace"))
    except ValueError:
        raise ToolFailed("the knowledge base's server answered no JSON") from None
    return _documents(answer)


def _documents(answer: object) -> list[str]:
    """The documents, the most similar first; or the message that stands for them."""
    whole: JsonObject = answer if isinstance(answer, dict) else {}
    documents = [each for each in objects_of(whole, "documents") if text_of(each, "content")]
    documents.sort(key=_similarity, reverse=True)
    told = text_of(object_of(whole, "message"), "content")
    return [text_of(each, "content") for each in documents] or ([told] if told else [])


def _similarity(document: JsonObject) -> float:
    given = document.get("similarity")
    return float(given) if isinstance(given, int | float) else 0.0
