"""What is an answer in OpenAI's chat completions, streamed or whole. Pure.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from app.vendors.common.event_stream import NoAnswer, Protocol
from providers.common.json_types import JsonDict, JsonObject

# Ends without a word that the model did not choose.
CUT_OFF: Mapping[str, str] = {
    "length": "it used all its tokens before its first word: raise model.maxTokens",
    "content_filter": "the vendor's content filter removed the answer",
}


def is_answer(event: object) -> bool:
    """Whether a chunk has words, a tool's call, or an end without any."""
    choice = _choice(event)
    if choice is None:
        return isinstance(event, Mapping) and bool(event.get("error"))  # the SDK raises it
    delta = choice.get("delta")
    if isinstance(delta, Mapping) and (delta.get("content") or delta.get("tool_calls")):
        return True
    if not delta and choice.get("message"):
        raise NoAnswer("The server's events have choices[0].message: a stream needs .delta.")
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason in CUT_OFF:
        raise NoAnswer(f"The model said nothing: {CUT_OFF[reason]}.")
    return bool(reason)


def events_of(answer: object) -> Sequence[JsonDict]:
    """The chunks of a whole answer: a ``message``, or a ``delta`` as some servers send it."""
    choice = _choice(answer)
    message = (choice.get("message") or choice.get("delta")) if choice else None
    if choice is None or not isinstance(answer, Mapping) or not isinstance(message, Mapping):
        return ()
    deltas = [{"role": "assistant", "content": _text(message.get("content"))}, *_calls(message)]
    common = {"id": "", "created": 0, "model": "", **answer, "object": "chat.completion.chunk"}
    end: JsonDict = {
        "index": 0,
        "delta": {},
        "finish_reason": choice.get("finish_reason") or "stop",
    }
    choices = [*({"index": 0, "delta": each, "finish_reason": None} for each in deltas), end]
    usage = common.pop("usage", None)
    return [
        *({**common, "choices": [each]} for each in choices),
        *([{**common, "choices": [], "usage": usage}] if usage else []),
    ]


def _choice(event: object) -> JsonObject | None:
    choices = event.get("choices") if isinstance(event, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else None


def _text(content: object) -> str:
    """The text of a content, which may be a list of parts."""
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [each.get("text") for each in parts if isinstance(each, Mapping)]
    return "".join(text for text in texts if isinstance(text, str))


def _calls(message: JsonObject) -> Iterator[JsonDict]:
    """A delta for each tool's call. Some servers send its arguments as an object."""
    calls = message.get("tool_calls")
    found = [each for each in calls or () if isinstance(each, Mapping)] if calls else []
    for index, call in enumerate(found):
        function = dict(call.get("function") or {})
        given = function.get("arguments")
        function["arguments"] = given if isinstance(given, str) else json.dumps(given or {})
        head = {"id": f"call_{index}", "type": "function"}
        yield {"tool_calls": [{**head, **call, "index": index, "function": function}]}


CHAT_ANSWER = Protocol(is_answer, events_of)
