"""Events of a conversation as Vapi's server messages: types and fields. Pure.

https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from uuid import uuid4

from app.assistants.local.transcript.conversation import Conversation
from providers.common.json_types import JsonDict, JsonObject

# Type, and the fields of that type.
Message = tuple[str, JsonDict]
ROLES = {"bot": "assistant", "user": "user", "supervisor": "supervisor"}


class MessageBuilder:
    """Builds the messages of one conversation."""

    def __init__(
        self, conversation: Conversation, new_id: Callable[[], str] = lambda: str(uuid4())
    ) -> None:
        self._conversation = conversation
        self._turn = 0
        self._new_id = new_id
        # ``turnId`` of the model's current response.
        self._response = new_id()

    def of(self, kind: str, data: JsonObject) -> list[Message]:
        """Build the messages of one event. ``kind``: one of ``KINDS``; ``data``: its facts."""
        return list(KINDS[kind](self, data))

    def _said(self, data: JsonObject) -> Iterator[Message]:
        """A turn is over."""
        self._turn += data["role"] == "user"
        yield (
            "transcript",
            {
                "role": ROLES[data["role"]],
                "transcriptType": "final",
                "transcript": data["message"],
            },
        )
        yield from self._update()

    def _partial(self, data: JsonObject) -> Iterator[Message]:
        """The transcriber's text so far."""
        yield (
            "transcript",
            {"role": "user", "transcriptType": "partial", "transcript": data["text"]},
        )

    def _speech(self, data: JsonObject) -> Iterator[Message]:
        yield "speech-update", {**data, "turn": self._turn}

    def _interrupted(self, _: JsonObject) -> Iterator[Message]:
        yield "user-interrupted", {}

    def _tool(self, data: JsonObject) -> Iterator[Message]:
        if calls := data.get("toolCalls"):
            yield "model-output", {"output": calls, "turnId": self._response}
        yield from self._update()

    def _responds(self, _: JsonObject) -> Iterator[Message]:
        """The model begins a response."""
        self._response = self._new_id()
        yield from ()

    def _worded(self, data: JsonObject) -> Iterator[Message]:
        """A piece of the model's response."""
        yield "model-output", {"output": data["text"], "turnId": self._response}

    def _asked(self, data: JsonObject) -> Iterator[Message]:
        """The voice is given a text."""
        yield "voice-input", {"input": data["text"]}

    def _hang(self, _: JsonObject) -> Iterator[Message]:
        """The model has not answered for ``HANG_SECONDS``."""
        yield "hang", {}

    def _update(self) -> Iterator[Message]:
        talk = self._conversation
        yield (
            "conversation-update",
            {
                "messages": list(talk.messages),
                "messagesOpenAIFormatted": talk.openai,
                "conversation": talk.openai,
            },
        )


KINDS: Mapping[str, Callable[[MessageBuilder, JsonObject], Iterator[Message]]] = {
    "said": MessageBuilder._said,
    "partial": MessageBuilder._partial,
    "speech": MessageBuilder._speech,
    "interrupted": MessageBuilder._interrupted,
    "tool": MessageBuilder._tool,
    "added": MessageBuilder._tool,
    "hang": MessageBuilder._hang,
    "responds": MessageBuilder._responds,
    "worded": MessageBuilder._worded,
    "asked": MessageBuilder._asked,
}
