"""Reads the answer of a function's server, in the forms that real servers use. Pure.

https://docs.vapi.ai/tools/custom-tools#response-format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.assistants.local.tools.definitions import Message, ToolMessageType
from app.assistants.local.tools.messages import read_message
from app.assistants.local.tools.run import Outcome, ToolFailed
from providers.common import foreign_json
from providers.common.json_types import JsonObject

# Characters of a result, and of an error, that the model gets.
MAX_RESULT = 16_000
MAX_ERROR = 500
# Where servers put the sentence of an error that is an object.
ERROR_TEXTS = ("message", "error", "detail", "reason", "title")
# The fields of an answer in one of Vapi's forms.
FORMS = ("results", "result", "error")


def read_reply(body: bytes, call_id: str) -> Outcome:
    """Read a 2xx answer. Raises ``ToolFailed`` if it has no result, or reports an error."""
    try:
        answer = foreign_json.parse(body)
    except ValueError:
        return Outcome(_plain(body))
    if not isinstance(answer, Mapping) or not any(name in answer for name in FORMS):
        return Outcome(text_of_result(answer), body=answer)
    return _read(_one(answer, call_id))


def read_refusal(error: str, body: bytes, call_id: str) -> Outcome:
    """Read an answer of another status. Some frameworks send results with 500.

    ``error``: what failed, if the answer has no form of Vapi's.
    """
    try:
        answer = foreign_json.parse(body)
    except ValueError:
        answer = None
    if not isinstance(answer, Mapping) or not any(name in answer for name in FORMS):
        raise ToolFailed(error)
    return _read(_one(answer, call_id))


def text_of_result(value: Any) -> str:
    """The result as the model gets it: a text as it is, another value as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:MAX_RESULT]


def sentence(error: Any) -> str:
    """One clean sentence of an error, which may be an object, or JSON within a text."""
    for _ in range(3):  # an error within an error within an error
        if isinstance(error, str) and error.strip()[:1] in {"{", "[", '"'}:
            try:
                error = foreign_json.parse(error.encode())
            except ValueError:
                break
        if isinstance(error, list) and error:
            error = error[0]
        if isinstance(error, Mapping):
            error = next((error[name] for name in ERROR_TEXTS if error.get(name)), dict(error))
    text = " ".join(text_of_result(error).split())[:MAX_ERROR]
    return text.removeprefix("Error: ") or "the server reports an error without words"


def _one(answer: JsonObject, call_id: str) -> JsonObject:
    """The result of this call: by its id, or the only one, whatever its id is."""
    results = answer.get("results")
    if results is None:
        return answer
    listed = results if isinstance(results, list) else [results]
    found = [each for each in listed if isinstance(each, Mapping)]
    mine = [each for each in found if each.get("toolCallId") == call_id]
    if mine:
        return mine[0]
    if len(found) == 1 and len(listed) == 1:
        return found[0]
    if len(listed) == 1 and listed[0] is not None:
        return {"result": listed[0]}
    if not listed and answer.get("error") is not None:
        return {"error": answer["error"]}
    raise ToolFailed("the server's answer has no result of this toolCallId")


def _read(one: JsonObject) -> Outcome:
    message, result, error = one.get("message"), one.get("result"), one.get("error")
    if result is None and error is not None:
        words = _words(message, ToolMessageType.FAILED)
        raise ToolFailed(sentence(error), told=True, message=words)
    words = _words(message, ToolMessageType.COMPLETE)
    if result is None and words is None:
        raise ToolFailed("the server's answer has no result")
    return Outcome(text_of_result("" if result is None else result), message=words, body=result)


def _words(given: Any, when: ToolMessageType) -> Message | None:
    """The ``message`` of a result: an object, or only its words."""
    if isinstance(given, str):
        given = {"content": given}
    return read_message(given, when) if isinstance(given, Mapping) else None


def _plain(body: bytes) -> str:
    """A text that is no JSON. A web page is the error page of a proxy or a wrong address."""
    text = body.decode(errors="replace").replace("\0", "").strip()
    if not text:
        raise ToolFailed("the server's answer is empty")
    if text[:1] == "<":
        raise ToolFailed("the server answered with a web page")
    return text[:MAX_RESULT]
