"""A scenario from a real call: what the caller said and when, and what the assistant did. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import yaml  # type: ignore[import-untyped]

from app.cli.scenarios.assistant import STORED
from app.cli.scenarios.play import messages
from providers.common.json_types import JsonDict, JsonObject

KEYS = re.compile(r"DTMF: ([0-9*#A-D]+)")
CALLER, ASSISTANT, TOOLS, RESULT = "user", "bot", "tool_calls", "tool_call_result"
# Fields of a call's assistant that belong to its installation.
NOT_KEPT = (*STORED, "server", "serverUrl", "serverUrlSecret", "credentials", "credentialIds")
# A word that is set by the carrier's side or by the end of the call.
HEAD = """\
# Written by `patchbay test --record` from call {id}. Read it before you keep it: it holds what the
# caller said. The scripted model answers as the assistant did; `model: own` asks the real one.
"""


class NotRecordable(Exception):
    """No scenario can be made of the call. The message says why."""


def way_of(call: JsonObject) -> str:
    """How the call came about. Raises ``NotRecordable``."""
    if call.get("type") == "inboundPhoneCall":
        return "number"
    if call.get("type") == "outboundPhoneCall":
        return "bypass" if call.get("phoneCallProviderBypassEnabled") else "dialled"
    raise NotRecordable(f"the call is a {call.get('type')}: scenarios are calls of a carrier")


def text(call: JsonObject, assistant: JsonObject) -> str:
    """The scenario as YAML. ``assistant``: the one of the call. Raises ``NotRecordable``."""
    file = {"name": f"call-{str(call['id'])[:8]}", "scenarios": [scenario(call, assistant)]}
    dumped: str = yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=100)
    return HEAD.format(id=call["id"]) + dumped


def scenario(call: JsonObject, assistant: JsonObject) -> JsonDict:
    """The scenario as its file has it. Raises ``NotRecordable``."""
    if call.get("status") != "ended":
        raise NotRecordable("the call has not ended")
    said = messages(call)
    found: JsonDict = {
        "name": "recorded",
        "carrier": call.get("phoneCallProvider"),
        "way": way_of(call),
        "assistant": {name: value for name, value in assistant.items() if name not in NOT_KEPT},
        "turns": list(_turns(said)),
    }
    if tools := _tools(said):
        found["tools"] = tools
    found["expect"] = {"endedReason": call.get("endedReason")}
    return found


def _turns(said: Sequence[JsonDict]) -> Iterator[JsonDict]:
    """A turn for each of the caller's; before the first one the caller listens."""
    parts = [list(group) for _, group in groupby(said, key=lambda each: each["role"] == CALLER)]
    before: list[JsonDict] = []
    if not parts or parts[0][0]["role"] != CALLER:
        before = parts.pop(0) if parts else []
        yield {"expect": list(_expected(before))} if _spoken(before) else {"expect": []}
    while parts:
        caller, answers = parts.pop(0), parts.pop(0) if parts else []
        for number, message in enumerate(caller):
            turn = _input(message, caller[number - 1] if number else None, before)
            if number == len(caller) - 1:
                turn |= _answers(answers)
            yield turn
        before = answers


def _input(message: JsonDict, earlier: JsonDict | None, before: Sequence[JsonDict]) -> JsonDict:
    words = str(message.get("message", ""))
    keys = "".join(KEYS.findall(words))
    turn: JsonDict = {"dtmf": keys} if keys else {"user": words}
    spoken = [each for each in before if each["role"] == ASSISTANT]
    if earlier is not None:
        turn["send_after"] = {"delay_ms": _between(earlier.get("endTime"), message.get("time"))}
    elif spoken and spoken[-1].get("interrupted"):
        delay = _between(spoken[-1].get("time"), message.get("time"))
        turn["send_after"] = {"event": "bot_started_speaking", "delay_ms": delay}
    return turn


def _between(first: Any, second: Any) -> int:
    """Milliseconds between two times of the call."""
    if not isinstance(first, int | float) or not isinstance(second, int | float):
        return 0
    return max(0, round(second - first))


def _answers(answers: Sequence[JsonDict]) -> JsonDict:
    """The scripted model's replies, and what the turn expects."""
    replies = list[Any]()
    for each in answers:
        if each["role"] == TOOLS:
            replies.append({"calls": list(_calls(each))})
        elif each["role"] == ASSISTANT and each.get("message"):
            _say(replies, str(each["message"]))
    expected = list(_expected(answers))
    return {
        **({"replies": replies} if replies else {}),
        **({"expect": expected} if expected else {}),
    }


def _say(replies: list[Any], words: str) -> None:
    """Sentences of one answer are one reply."""
    if replies and isinstance(replies[-1], str):
        replies[-1] += f" {words}"
    else:
        replies.append(words)


def _expected(answers: Sequence[JsonDict]) -> Iterator[JsonDict]:
    calls = [call for each in answers if each["role"] == TOOLS for call in _calls(each)]
    if calls:
        yield {"event": "function_call", "calls": calls}
    if _spoken(answers):
        yield {"event": "response"}


def _spoken(answers: Sequence[JsonDict]) -> bool:
    return any(each["role"] == ASSISTANT and each.get("message") for each in answers)


def _calls(message: JsonDict) -> Iterator[JsonDict]:
    for each in message.get("toolCalls", ()):
        function = each.get("function", each)
        yield {"name": function.get("name"), "args": _json(function.get("arguments")) or {}}


def _tools(said: Sequence[JsonDict]) -> JsonDict:
    """The last result of each tool."""
    results = (each for each in said if each["role"] == RESULT and each.get("name"))
    return {str(each["name"]): {"result": _json(each.get("result"))} for each in results}


def _json(value: Any) -> Any:
    """JSON in a text, or the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
