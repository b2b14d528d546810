"""What was said, by whom and when: the call's ``messages`` and ``transcript``. Pure.

https://docs.vapi.ai/api-reference/calls/get
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from app.domain.assistant.history import History
from app.domain.reporting.artifact import ROLES, SUPERVISOR, openai, spoken
from providers.common.json_types import JsonDict, JsonObject

# Roles whose messages appear in the transcript, with their prefix.
NAMES = {"user": "User", "bot": "AI", SUPERVISOR: "Supervisor"}
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
        history: History | None = None,
    ) -> None:
        """``names``: how the transcript names both roles; None: none is kept.

        ``history``: what the present assistant knows of the messages; None: all.
        """
        self.history = history or History()
        self._clock = clock
        self._names = names
        self.messages: list[Message] = [dict(each) for each in before]
        # An earlier socket had a conversation: a transfer failed, or the socket reattached.
        self.continues = bool(before)
        self._started = clock()
        if self.messages:
            first = self.messages[0]
            self._started = first["time"] / 1000 - first.get("secondsFromStart", 0.0)
        if not self.continues:
            for each in system:
                self._add("system", str(each.get("content", "")), self._started, self._started)
        elif self.history.since >= len(self.messages):  # handed over, and stopped before a word
            self.enter(self.history, system)

    def enter(self, history: History, system: Sequence[JsonObject]) -> None:
        """Let another assistant go on. ``system``: its messages of this role."""
        self.history = history
        for each in system:
            self._add("system", str(each.get("content", "")), self._clock(), None)

    def said(self, role: str, text: str, since: float | None = None, **more: Any) -> Message:
        """Add a finished turn.

        ``role``: user, bot or supervisor. ``since``: when it began, seconds since 1970.
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
    def last_speaker(self) -> str:
        """The role of who spoke last: user, bot or supervisor. Empty: no turn is over yet."""
        spoke = (each["role"] for each in reversed(self.messages) if "endTime" in each)
        return str(next(spoke, ""))

    @property
    def seconds(self) -> float:
        """How long the conversation lasts, over all sockets and assistants."""
        return self._clock() - self._started

    def with_open_turn(self, text: str, since: float | None) -> list[Message]:
        """All messages, and what the caller has said of a turn that may go on.

        ``since``: when it began, seconds since 1970.
        """
        now = self._clock()
        return [*self.messages, self._message("user", text, min(since or now, now), now)]

    @property
    def openai(self) -> list[dict[str, str]]:
        """``messagesOpenAIFormatted``."""
        return openai(self.messages)

    def earlier_prompts(self, history: History) -> list[str]:
        """The prompts of assistants before, where one with this history is to know them."""
        kept = sorted({*history.kept} & {*history.prompts})
        return [str(self.messages[place]["message"]) for place in kept]

    @property
    def is_new_to_assistant(self) -> bool:
        """Whether the present assistant was handed the call, and nothing was said since."""
        own = self.messages[self.history.since :]
        return self.history.since > 0 and not any(each["role"] in NAMES for each in own)

    def recalled(self, *, tools: bool) -> list[JsonDict]:
        """What the present assistant knows, in OpenAI's form, apart from prompts.

        Its model continues from these. ``tools``: with the calls of tools that have a result.
        """
        prompts = {*self.history.prompts, *self._own_prompts()}
        places = [each for each in self.history.seen(len(self.messages)) if each not in prompts]
        seen = [self.messages[place] for place in places]
        results = {each["toolCallId"]: each for each in seen if "toolCallId" in each}
        found = list[JsonDict]()
        for each in seen:
            if each["role"] in ROLES and each["message"]:
                told = spoken(each)
                # a system message that comes first would be taken for the prompt
                is_first_note = not found and told["role"] == "system"
                found.append({**told, "role": "user"} if is_first_note else told)
            elif tools and each["role"] == "tool_calls":
                found += _called(each["toolCalls"], results)
        return found

    @property
    def awaits_answer(self) -> bool:
        """Whether the caller spoke last. A tool call after their turn was an answer."""
        last: Message = self.messages[-1] if self.messages else {}
        return last.get("role") == "user" and "endTime" in last

    def _own_prompts(self) -> Iterator[int]:
        """The places of the present assistant's system messages."""
        places = range(self.history.since, len(self.messages))
        return takewhile(lambda place: self.messages[place]["role"] == "system", places)

    def artifact(self) -> JsonDict:
        """The fields to store with the call."""
        return {"messages": list(self.messages), "transcript": self.transcript}

    def _add(self, role: str, text: str, since: float, until: float | None, **more: Any) -> Message:
        message = self._message(role, text, since, until, **more)
        self.messages.append(message)
        return message

    def _message(
        self, role: str, text: str, since: float, until: float | None, **more: Any
    ) -> Message:
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
        return message


def _called(calls: Sequence[JsonObject], results: Mapping[str, JsonObject]) -> list[JsonDict]:
    """The calls of tools, and their results right behind them: vendors demand both."""
    if not all(call.get("id") in results for call in calls):
        return []
    called: JsonDict = {"role": "assistant", "tool_calls": [dict(call) for call in calls]}
    return [
        called,
        *(
            {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": str(results[call["id"]]["result"]),
            }
            for call in calls
        ),
    ]
