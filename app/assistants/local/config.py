"""The voice agent's config for one call, from its rendered ``AssistantConfig``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.conversation import ConversationPlan
from app.domain.assistant.fields import Json, objects_of, text_of
from app.domain.assistant.line_sound import LineSound
from app.domain.assistant.liquid.text import fill
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
    values: JsonDict = field(default_factory=dict)
    """The values of templates. Tools add to them, so last words are rendered when spoken."""

    @property
    def last_words(self) -> str:
        return fill(self.end_message, self.values)

    @property
    def words_for_voicemail(self) -> str:
        return fill(self.voicemail_message, self.values)

    def idle_words(self, number: int) -> str:
        """What a silent caller is asked for this time, from 0."""
        return fill(self.idle_messages[number % len(self.idle_messages)], self.values)


def read_config(assistant: AssistantConfig) -> AgentConfig:
    """The domain has rendered the assistant's templates."""
    plan, model = assistant.conversation, assistant.model
    messages = _messages(model)
    phrases = tuple(each.lower().strip() for each in plan.end_phrases)
    return AgentConfig(
        **{each.name: getattr(plan, each.name) for each in fields(plan)} | {"end_phrases": phrases},
        model={**model, "messages": messages} if messages else model,
        voice=assistant.voice,
        transcriber=assistant.transcriber,
        voicemail_message=assistant.voicemail.message,
        detects_voicemail=assistant.voicemail.is_heard_in_pipeline,
        messages=messages,
        sound=assistant.line_sound,
        speech_text=assistant.speech_text,
    )


def with_prompts(config: AgentConfig, earlier: Sequence[str]) -> AgentConfig:
    """The config with the prompts of earlier assistants before its own."""
    before = [{"role": "system", "content": each} for each in earlier]
    messages = [*before, *config.messages]
    return replace(config, messages=messages, model={**config.model, "messages": messages})


def _messages(model: Json) -> list[Message]:
    found = [dict(each) for each in objects_of(model, "messages")]
    prompt = text_of(model, "systemPrompt")
    if prompt and not any(each.get("role") == "system" for each in found):
        found.insert(0, {"role": "system", "content": prompt})
    return found
