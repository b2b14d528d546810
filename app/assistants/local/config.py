"""The voice agent's config for one call: an ``AssistantConfig`` with templates filled. Pure.

https://docs.vapi.ai/assistants/dynamic-variables
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from app.assistants.local.templates import fill
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.conversation import ConversationPlan
from app.domain.assistant.fields import Json, objects_of, text_of
from app.domain.assistant.line_sound import LineSound
from app.domain.assistant.speech_text import SpeechTextPlan
from providers.common.json_types import JsonDict, JsonObject

Message = JsonDict


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig(ConversationPlan):
    """The config of one call. ``end_phrases`` are in lower case."""

    model: Json
    voice: Json
    transcriber: Json
    voicemail_message: str = ""
    detects_voicemail: bool = False
    messages: Sequence[JsonObject] = ()
    """The model's messages, system ones included."""
    sound: LineSound = field(default_factory=LineSound)
    speech_text: SpeechTextPlan = field(default_factory=SpeechTextPlan)


def read_config(assistant: AssistantConfig, values: JsonObject) -> AgentConfig:
    """Fill the templates. ``values`` are their names (``templates.values``)."""
    plan, model = assistant.conversation, assistant.model
    messages = _messages(model, values)
    filled = {
        "first_message": fill(plan.first_message, values),
        "end_message": fill(plan.end_message, values),
        "end_phrases": tuple(fill(each, values).lower().strip() for each in plan.end_phrases),
        "idle_messages": tuple(fill(each, values) for each in plan.idle_messages),
    }
    return AgentConfig(
        **{**{each.name: getattr(plan, each.name) for each in fields(plan)}, **filled},
        model={**model, "messages": messages} if messages else model,
        voice=assistant.voice,
        transcriber=assistant.transcriber,
        voicemail_message=fill(assistant.voicemail.message, values),
        detects_voicemail=assistant.voicemail.is_heard_in_pipeline,
        messages=messages,
        sound=assistant.line_sound,
        speech_text=assistant.speech_text,
    )


def _messages(model: Json, values: JsonObject) -> list[Message]:
    found = [dict(each) for each in objects_of(model, "messages")]
    prompt = text_of(model, "systemPrompt")
    if prompt and not any(each.get("role") == "system" for each in found):
        found.insert(0, {"role": "system", "content": prompt})
    return [_filled(each, values) for each in found]


def _filled(message: Message, values: JsonObject) -> Message:
    content = message.get("content")
    return {**message, "content": fill(content, values)} if isinstance(content, str) else message
