"""What was said, by whom and when: the call's ``messages`` and ``transcript``. Pure.

https://docs.vapi.ai/api-reference/calls/get
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.domain.reporting.artifact import ROLES, openai
from providers.common.json_types import JsonDict, JsonObject

# Roles whose messages appear in the transcript, with their prefix.
NAMES = {"user": "User", "bot": "AI"}
Message = JsonDict


class Conversation:
    """One call's conversation, over all its sockets.

    ``before``: the messages of earlier sockets.
    """

    def __init__(
        self,
        system: Sequence[JsonObject] = (),
        before: Sequence[JsonObject] = (),
        *,
        clock: Callable[[], float],
        names: Mapping[str, str] | None = NAMES,
    ) -> None:
        """``names``: how the transcript names both roles; None: none is kept."""
        self._clock = clock
        self._names = names
        self.messages: list[Message] = [dict(each) for each in before]
        # An earlier socket had a conversation: a transfer failed, or the socket reattached.
        self.continues = bool(before)
        self._started = clock()
        if self.messages:
            first = self.messages[0]
            self._started = first["time"] / 1000 - first.get("secondsFromStart", 0.0)
        for each in () if self.continues else system:
            self._add("system", str(each.get("content", "")), self._started, self._started)

    def said(self, role: str, text: str, since: float | None = None, **more: Any) -> Message:
        """Add a finished turn.

        ``role``: user or bot. ``since``: when it began, seconds since 1970.
        """
        now = self._clock()
        return self._add(role, text, min(since or now, now), now, **more)

    def said_before(self, role: str, text: str, since: float, until: float) -> Message:
        """Add a turn whose text comes late: in front of what began after it."""
        message = self._add(role, text, since, until)
        self.messages.pop()
        at = len(self.messages)
        while at and self.messages[at - 1]["time"] > message["time"]:
            at -= 1
        self.messages.insert(at, message)
        return message

    def added(self, role: str, text: str) -> Message:
        """Add a message of live control, which was not spoken. ``role``: OpenAI's name."""
        ours = next(name for name, theirs in ROLES.items() if theirs == role)
        return self._add(ours, text, self._clock(), None)

    def called(self, tool_calls: Sequence[JsonObject]) -> Message:
        """Add the model's tool calls."""
        now = self._clock()
        return self._add("tool_calls", "", now, None, toolCalls=[dict(c) for c in tool_calls])

    def answered(self, name: str, call_id: str, result: str) -> Message:
        """Add a tool's result."""
        now = self._clock()
        return self._add(
            "tool_call_result", "", now, None, name=name, toolCallId=call_id, result=result
        )

    @property
    def transcript(self) -> str:
        """The spoken turns, a line each: ``AI: Hello.`` and ``User: Hi.``"""
        names = self._names or {}
        return "".join(
            f"{names[each['role']]}: {each['message']}\n"
            for each in self.messages
            if each["role"] in names and each["message"] and "endTime" in each
        )

    @property
    def last_said(self) -> str:
        """The assistant's last words; none if it has not spoken yet."""
        said = (each["message"] for each in reversed(self.messages) if each["role"] == "bot")
        return str(next(said, ""))

    @property
    def openai(self) -> list[dict[str, str]]:
        """``messagesOpenAIFormatted``."""
        return openai(self.messages)

    @property
    def spoken(self) -> list[dict[str, str]]:
        """The turns alone. A later socket's model continues from these."""
        return [each for each in self.openai if each["role"] != "system" and each["content"]]

    def besides(self, prompts: Sequence[object]) -> list[dict[str, str]]:
        """The messages in OpenAI's form, without these prompts."""
        return [each for each in self.openai if each["content"] not in ("", *prompts)]

    @property
    def awaits_answer(self) -> bool:
        """Whether the caller spoke last. A tool call after their turn was an answer."""
        last: Message = self.messages[-1] if self.messages else {}
        return last.get("role") == "user" and "endTime" in last

    def artifact(self) -> JsonDict:
        """The fields to store with the call."""
        return {"messages": list(self.messages), "transcript": self.transcript}

    def _add(self, role: str, text: str, since: float, until: float | None, **more: Any) -> Message:
        message: Message = {
            "role": role,
            "message": text,
            "time": round(since * 1000),
            "secondsFromStart": round(max(0.0, since - self._started), 3),
            **more,
        }
        if until is not None and role in NAMES:
            message["endTime"] = round(until * 1000)
            message["duration"] = round((until - since) * 1000)
        self.messages.append(message)
        return message
