"""Two calls, their words and tool calls side by side. Pure."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from app.cli.scenarios.play import messages
from providers.common.json_types import JsonObject

WIDTH = 46
NAMES = {"user": "User", "bot": "AI"}
SAME, OTHER = "  ", "≠ "


def told(call: JsonObject) -> list[str]:
    """A line for each turn and each tool call, in their order."""
    return list(_told(call))


def _told(call: JsonObject) -> Iterator[str]:
    for message in messages(call):
        if message.get("role") in NAMES and message.get("message"):
            yield f"{NAMES[message['role']]}: {message['message']}"
        for tool in message.get("toolCalls") or ():
            function = tool.get("function", tool)
            arguments = function.get("arguments")
            if not isinstance(arguments, str):
                arguments = json.dumps(arguments)
            yield f"Tool: {function.get('name')} {arguments}"
    yield f"End: {call.get('endedReason')}"


def differences(before: Sequence[str], now: Sequence[str]) -> int:
    """How many lines have no counterpart. Case and punctuation make no difference."""
    matcher = _matcher(before, now)
    same = sum(block.size for block in matcher.get_matching_blocks())
    return max(len(before), len(now)) - same


def table(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """Both, in two columns; a mark before rows that differ."""
    yield f"{SAME}{'THEN':<{WIDTH}}  NOW"
    for kind, a, b, c, d in _matcher(before, now).get_opcodes():
        mark = SAME if kind == "equal" else OTHER
        for left, right in zip_longest(before[a:b], now[c:d], fillvalue=""):
            yield from _row(mark, left, right)


def _matcher(before: Sequence[str], now: Sequence[str]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, _plain(before), _plain(now), autojunk=False)


def _plain(lines: Sequence[str]) -> list[str]:
    """Without case and punctuation."""
    return [" ".join(re.findall(r"\w+", line.lower())) for line in lines]


def _row(mark: str, left: str, right: str) -> Iterator[str]:
    columns = (textwrap.wrap(left, WIDTH), textwrap.wrap(right, WIDTH))
    for one, other in zip_longest(*columns, fillvalue=""):
        yield f"{mark}{one:<{WIDTH}}  {other}".rstrip()
        mark = SAME
