"""Events of a conversation as Vapi's server messages: types and fields. Pure.

https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.assistants.local.transcript.conversation import Conversation

# Type, and the fields of that type.
Message = tuple[str, dict[str, Any]]
ROLES = {"bot": "assistant", "user": "user"}


class MessageBuilder:
    """Builds the messages of one conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._turn = 0

    def of(self, kind: str, data: Mapping[str, Any]) -> list[Message]:
        """Build the messages of one event. ``kind``: one of ``KINDS``; ``data``: its facts."""
        return list(KINDS[kind](self, data))

    def _said(self, data: Mapping[str, Any]) -> Iterator[Message]:
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

    def _partial(self, data: Mapping[str, Any]) -> Iterator[Message]:
        """The transcriber's text so far."""
        yield (
            "transcript",
            {"role": "user", "transcriptType": "partial", "transcript": data["text"]},
        )

    def _speech(self, data: Mapping[str, Any]) -> Iterator[Message]:
        yield "speech-update", {**data, "turn": self._turn}

    def _interrupted(self, _: Mapping[str, Any]) -> Iterator[Message]:
        yield "user-interrupted", {}

    def _tool(self, data: Mapping[str, Any]) -> Iterator[Message]:
        yield from self._update()

    def _hang(self, _: Mapping[str, Any]) -> Iterator[Message]:
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


KINDS: Mapping[str, Callable[[MessageBuilder, Mapping[str, Any]], Iterator[Message]]] = {
    "said": MessageBuilder._said,
    "partial": MessageBuilder._partial,
    "speech": MessageBuilder._speech,
    "interrupted": MessageBuilder._interrupted,
    "tool": MessageBuilder._tool,
    "added": MessageBuilder._tool,
    "hang": MessageBuilder._hang,
}
