"""Events of the model and the voice as server messages."""

from __future__ import annotations

from itertools import count

from app.assistants.local.transcript.conversation import Conversation
from app.assistants.local.transcript.messages import MessageBuilder

CALL = {"id": "1", "type": "function", "function": {"name": "book", "arguments": "{}"}}


def test_the_pieces_of_a_response_have_one_turn_id() -> None:
    numbers = count()
    conversation = Conversation(clock=lambda: 0.0)
    builder = MessageBuilder(conversation, lambda: str(next(numbers)))
    told = []
    for kind, data in (
        ("responds", {}),
        ("worded", {"text": "One "}),
        ("worded", {"text": "moment."}),
        ("tool", conversation.called([CALL])),
        ("responds", {}),
        ("worded", {"text": "Done."}),
        ("asked", {"text": "Done."}),
    ):
        told += builder.of(kind, data)
    assert [each for each in told if each[0] != "conversation-update"] == [
        ("model-output", {"output": "One ", "turnId": "1"}),
        ("model-output", {"output": "moment.", "turnId": "1"}),
        ("model-output", {"output": [CALL], "turnId": "1"}),
        ("model-output", {"output": "Done.", "turnId": "2"}),
        ("voice-input", {"input": "Done."}),
    ]
