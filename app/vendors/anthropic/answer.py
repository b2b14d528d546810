"""What is an answer in Anthropic's messages API. Pure.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.vendors.common.event_stream import NoAnswer, Protocol
from app.vendors.common.json_fields import object_of
from providers.common.json_types import JsonDict

# Kinds of events that answer by themselves; the SDK raises an error.
ENDS = frozenset({"message_stop", "error"})
# Ends without a word that the model did not choose.
CUT_OFF: Mapping[str, str] = {
    "max_tokens": "it used all its tokens before its first word: raise model.maxTokens",
    "refusal": "it refused to answer",
}


def is_answer(event: object) -> bool:
    """Whether an event has words, a tool's call, or an end without any."""
    if not isinstance(event, Mapping):
        return False
    delta, block = object_of(event, "delta"), object_of(event, "content_block")
    reason = delta.get("stop_reason")
    if isinstance(reason, str) and reason in CUT_OFF:
        raise NoAnswer(f"The model said nothing: {CUT_OFF[reason]}.")
    has_words = bool(delta.get("text")) or block.get("type") == "tool_use"
    return has_words or bool(reason) or event.get("type") in ENDS


def events_of(_answer: object) -> Sequence[JsonDict]:
    """None: no server of this protocol is known to ignore ``stream``."""
    return ()


MESSAGES_ANSWER = Protocol(is_answer, events_of)
