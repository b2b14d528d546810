"""Which values the served fields of an assistant may have. Pure.

Another value has no effect; a number out of its limits counts as the nearest one.

The readers of ``fields.py`` take a value of another type as absent, so that a stored assistant
always answers. The check tells it, by this table. A field that is refused with 400 has no row.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from app.domain.assistant.conversation import DELIMITERS, KEYPAD_LIMITS, FirstMessageMode
from app.domain.assistant.endpointing import TRANSCRIPT_LIMITS, WAIT_LIMITS, Smart
from app.domain.assistant.fields import Limits
from app.domain.assistant.interruptions import BACKOFF_LIMITS, VOICE_LIMITS, WORDS_LIMITS
from app.domain.assistant.speech_text import CHARACTERS, FORMATTERS
from app.domain.assistant.voicemail import TYPES

FLAG, NUMBER, TEXT, OBJECT = "a boolean value", "a number", "a string", "an object"
ARRAYS = {TEXT: "an array of strings", OBJECT: "an array of objects"}
CLASSES: Mapping[str, type] = {FLAG: bool, TEXT: str, OBJECT: Mapping}
SHOWN = 40
"""Characters of a wrong value."""


@dataclass(frozen=True, slots=True)
class Form:
    """The types a value may have, and the only texts."""

    kinds: tuple[str, ...]
    choices: tuple[str, ...] = ()
    is_list: bool = False
    or_list: bool = False
    """A list of it is taken too."""
    unserved: tuple[str, ...] = ()
    """Other texts of Vapi's."""
    limits: Limits | None = None
    """The least and the most that a number counts as."""

    def problem(self, value: object) -> str | None:
        """Why the value is not followed as it is, as a clause; None: it is."""
        if self.is_list or (self.or_list and isinstance(value, list)):
            return self._list_problem(value)
        if not any(_is(kind, value) for kind in self.kinds):
            return f"must be {' or '.join(self.kinds)}"
        return self._choice_problem(value) or self._limit_problem(value)

    def _list_problem(self, value: object) -> str | None:
        if not isinstance(value, list):
            return f"must be {ARRAYS[self.kinds[0]]}"
        if not all(any(_is(kind, each) for kind in self.kinds) for each in value):
            return f"must be {ARRAYS[self.kinds[0]]}: the others have no effect"
        return next(filter(None, map(self._choice_problem, value)), None)

    def _limit_problem(self, value: object) -> str | None:
        if self.limits is None or not isinstance(value, int | float):
            return None
        least, most = self.limits
        if least <= value <= most:
            return None
        nearest = least if value < least else most
        return f"must be from {least:g} to {most:g}: it counts as {nearest:g}"

    def _choice_problem(self, value: object) -> str | None:
        if not self.choices or not isinstance(value, str) or value in self.choices:
            return None
        given = repr(value[:SHOWN])
        if value in self.unserved:
            return f"{given} has no effect here"
        if near := get_close_matches(value[:SHOWN], self.choices, 1):
            return f"{given} is not known: is {near[0]!r} meant?"
        return f"{given} is none of {', '.join(each or 'an empty text' for each in self.choices)}"


def one_of(*choices: str) -> Form:
    return Form((TEXT,), choices)


def some_of(*choices: str, unserved: tuple[str, ...] = ()) -> Form:
    return Form((TEXT,), choices, is_list=True, unserved=unserved)


def within(limits: Limits) -> Form:
    return Form((NUMBER,), limits=limits)


A_FLAG, A_NUMBER, A_TEXT, AN_OBJECT = (Form((kind,)) for kind in (FLAG, NUMBER, TEXT, OBJECT))
TEXTS, OBJECTS = some_of(), Form((OBJECT,), is_list=True)
A_MESSAGE = Form((TEXT, OBJECT))

SERVER_MESSAGES = (
    "assistant.started",
    "call.artifact.upload",
    "conversation-update",
    "end-of-call-report",
    "function-call",
    "handoff-destination-request",
    "hang",
    "model-output",
    "phone-call-control",
    "speech-update",
    "status-update",
    "tool-calls",
    "transcript",
    'transcript[transcriptType="final"]',
    "transfer-destination-request",
    "transfer-update",
    "user-interrupted",
    "voice-input",
)
"""Types that are sent here. https://docs.vapi.ai/server-url/events"""
NOT_SENT = (
    "assistant.speechStarted",
    "call.delete.failed",
    "call.deleted",
    "chat.created",
    "chat.deleted",
    "language-change-detected",
    "language-changed",
    "session.created",
    "session.deleted",
    "session.updated",
)
"""Vapi's other types. https://docs.vapi.ai/api-reference/assistants/create"""

FORMS: Mapping[str, Form] = {
    "analysisPlan": AN_OBJECT,
    "analysisPlan.minMessagesThreshold": A_NUMBER,
    "analysisPlan.structuredDataPlan": AN_OBJECT,
    "analysisPlan.structuredDataPlan.enabled": A_FLAG,
    "analysisPlan.structuredDataPlan.messages": OBJECTS,
    "analysisPlan.structuredDataPlan.schema": AN_OBJECT,
    "analysisPlan.structuredDataPlan.timeoutSeconds": A_NUMBER,
    "analysisPlan.successEvaluationPlan": AN_OBJECT,
    "analysisPlan.successEvaluationPlan.enabled": A_FLAG,
    "analysisPlan.successEvaluationPlan.messages": OBJECTS,
    "analysisPlan.successEvaluationPlan.rubric": A_TEXT,
    "analysisPlan.successEvaluationPlan.timeoutSeconds": A_NUMBER,
    "analysisPlan.summaryPlan": AN_OBJECT,
    "analysisPlan.summaryPlan.enabled": A_FLAG,
    "analysisPlan.summaryPlan.messages": OBJECTS,
    "analysisPlan.summaryPlan.timeoutSeconds": A_NUMBER,
    "artifactPlan": AN_OBJECT,
    "artifactPlan.recordingEnabled": A_FLAG,
    "artifactPlan.structuredOutputIds": TEXTS,
    "artifactPlan.structuredOutputs": OBJECTS,
    "artifactPlan.transcriptPlan": AN_OBJECT,
    "artifactPlan.transcriptPlan.enabled": A_FLAG,
    "backgroundDenoisingEnabled": A_FLAG,
    "backgroundSpeechDenoisingPlan": AN_OBJECT,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan": AN_OBJECT,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.enabled": A_FLAG,
    "backgroundSpeechDenoisingPlan.smartDenoisingPlan": AN_OBJECT,
    "backgroundSpeechDenoisingPlan.smartDenoisingPlan.enabled": A_FLAG,
    "clientMessages": TEXTS,
    "compliancePlan": AN_OBJECT,
    "compliancePlan.hipaaEnabled": A_FLAG,
    "compliancePlan.pciEnabled": A_FLAG,
    "credentialIds": TEXTS,
    "credentials": OBJECTS,
    "dialKeypadFunctionEnabled": A_FLAG,
    "endCallFunctionEnabled": A_FLAG,
    "endCallMessage": A_TEXT,
    "endCallPhrases": TEXTS,
    "firstMessageInterruptionsEnabled": A_FLAG,
    "firstMessageMode": one_of(*(mode.value for mode in FirstMessageMode)),
    "forwardingPhoneNumber": A_TEXT,
    "forwardingPhoneNumbers": OBJECTS,
    "hipaaEnabled": A_FLAG,
    "hooks": OBJECTS,
    "keypadInputPlan": AN_OBJECT,
    "keypadInputPlan.delimiters": Form((TEXT,), DELIMITERS, or_list=True),
    "keypadInputPlan.enabled": A_FLAG,
    "keypadInputPlan.timeoutSeconds": within(KEYPAD_LIMITS),
    "messagePlan": AN_OBJECT,
    "messagePlan.idleMessageMaxSpokenCount": A_NUMBER,
    "messagePlan.idleMessages": TEXTS,
    "messagePlan.idleTimeoutSeconds": A_NUMBER,
    "model": AN_OBJECT,
    "model.fallbackModels": TEXTS,
    "model.functions": OBJECTS,
    "model.knowledgeBase": AN_OBJECT,
    "model.maxTokens": A_NUMBER,
    "model.messages": OBJECTS,
    "model.messages.content": A_TEXT,
    "model.messages.role": one_of("system", "user", "assistant", "tool", "function"),
    "model.metadataSendMode": one_of("off", "variable", "destructured"),
    "model.reasoningEffort": A_TEXT,
    "model.systemPrompt": A_TEXT,
    "model.temperature": A_NUMBER,
    "model.timeoutSeconds": A_NUMBER,
    "model.toolIds": TEXTS,
    "model.tools": OBJECTS,
    "model.tools.async": A_FLAG,
    "model.tools.backoffPlan": AN_OBJECT,
    "model.tools.body": AN_OBJECT,
    "model.tools.description": A_TEXT,
    "model.tools.destinations": OBJECTS,
    "model.tools.destinations.message": A_MESSAGE,
    "model.tools.destinations.number": A_TEXT,
    "model.tools.destinations.sipUri": A_TEXT,
    "model.tools.destinations.transferPlan": AN_OBJECT,
    "model.tools.function": AN_OBJECT,
    "model.tools.headers": AN_OBJECT,
    "model.tools.knowledgeBases": OBJECTS,
    "model.tools.messages": OBJECTS,
    "model.tools.method": one_of("GET", "POST", "PUT", "PATCH", "DELETE"),
    "model.tools.name": A_TEXT,
    "model.tools.parameters": OBJECTS,
    "model.tools.server": AN_OBJECT,
    "model.tools.server.timeoutSeconds": A_NUMBER,
    "model.tools.timeoutSeconds": A_NUMBER,
    "model.tools.toolMessages": OBJECTS,
    "model.tools.url": A_TEXT,
    "model.tools.variableExtractionPlan": AN_OBJECT,
    "monitorPlan": AN_OBJECT,
    "monitorPlan.controlEnabled": A_FLAG,
    "monitorPlan.listenEnabled": A_FLAG,
    "numWordsToInterruptAssistant": A_NUMBER,
    "recordingEnabled": A_FLAG,
    "responseDelaySeconds": A_NUMBER,
    "serverMessages": some_of(*SERVER_MESSAGES, unserved=NOT_SENT),
    "silenceTimeoutSeconds": A_NUMBER,
    "startSpeakingPlan": AN_OBJECT,
    "startSpeakingPlan.customEndpointingRules": OBJECTS,
    "startSpeakingPlan.smartEndpointingEnabled": Form((FLAG, TEXT)),
    "startSpeakingPlan.smartEndpointingPlan": AN_OBJECT,
    "startSpeakingPlan.smartEndpointingPlan.provider": one_of(
        *(kind.value for kind in Smart if kind.value)
    ),
    "startSpeakingPlan.transcriptionEndpointingPlan": AN_OBJECT,
    "startSpeakingPlan.transcriptionEndpointingPlan.onNoPunctuationSeconds": within(
        TRANSCRIPT_LIMITS
    ),
    "startSpeakingPlan.transcriptionEndpointingPlan.onNumberSeconds": within(TRANSCRIPT_LIMITS),
    "startSpeakingPlan.transcriptionEndpointingPlan.onPunctuationSeconds": within(
        TRANSCRIPT_LIMITS
    ),
    "startSpeakingPlan.waitSeconds": within(WAIT_LIMITS),
    "stopSpeakingPlan": AN_OBJECT,
    "stopSpeakingPlan.acknowledgementPhrases": TEXTS,
    "stopSpeakingPlan.backoffSeconds": within(BACKOFF_LIMITS),
    "stopSpeakingPlan.interruptionPhrases": TEXTS,
    "stopSpeakingPlan.numWords": within(WORDS_LIMITS),
    "stopSpeakingPlan.voiceSeconds": within(VOICE_LIMITS),
    "tools:append": OBJECTS,
    "transcriber": AN_OBJECT,
    "transcriber.fallbackPlan": AN_OBJECT,
    "transcriber.fallbackPlan.transcribers": OBJECTS,
    "transcriber.server": AN_OBJECT,
    "variableValues": AN_OBJECT,
    "voice": AN_OBJECT,
    "voice.chunkPlan": AN_OBJECT,
    "voice.chunkPlan.enabled": A_FLAG,
    "voice.chunkPlan.formatPlan": AN_OBJECT,
    "voice.chunkPlan.formatPlan.enabled": A_FLAG,
    "voice.chunkPlan.formatPlan.formattersEnabled": some_of(*sorted(FORMATTERS)),
    "voice.chunkPlan.minCharacters": within(CHARACTERS),
    "voice.fallbackPlan": AN_OBJECT,
    "voice.fallbackPlan.voices": OBJECTS,
    "voice.server": AN_OBJECT,
    "voice.server.timeoutSeconds": A_NUMBER,
    "voicemailDetection": Form((OBJECT, TEXT), ("off",)),
    "voicemailDetection.enabled": A_FLAG,
    "voicemailDetection.machineDetectionSilenceTimeout": A_NUMBER,
    "voicemailDetection.machineDetectionSpeechEndThreshold": A_NUMBER,
    "voicemailDetection.machineDetectionSpeechThreshold": A_NUMBER,
    "voicemailDetection.machineDetectionTimeout": A_NUMBER,
    "voicemailDetection.provider": A_TEXT,  # all but the pipeline's are the carrier's
    "voicemailDetection.voicemailDetectionTypes": some_of(*sorted(TYPES)),
    "voicemailDetectionEnabled": A_FLAG,
    "voicemailDetectionTypes": some_of(*sorted(TYPES)),
    "voicemailMessage": A_TEXT,
}
"""The form of a field, by its path without the numbers of lists."""


def problem(path: str, value: object) -> str | None:
    """Why the value of this field has no effect; None: it has, or the field has no row."""
    form = FORMS.get(path)
    return form.problem(value) if form else None


def _is(kind: str, value: object) -> bool:
    if kind == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, CLASSES[kind])
