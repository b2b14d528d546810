"""The one vocabulary every carrier is translated to: statuses, ended reasons, events.

Holds no carrier's words and decides nothing; ``app/domain/calls/state.py`` folds the events.
Spelling of statuses and reasons is Vapi's "Create Phone Call" page; one value is added
(``phone-call-provider-bypass-enabled-but-no-call-received``), because none of its 56 says that.
https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from providers.common.json_types import JsonObject


class CallStatus(StrEnum):
    """What a client sees of a call. Ranks rise in this order; ``ended`` is absorbing."""

    QUEUED = "queued"
    """The call is known; no leg has reached us."""
    RINGING = "ringing"
    """The phone side is alive; the assistant is not in the call yet."""
    IN_PROGRESS = "in-progress"
    """The assistant's media socket is open: it can hear and be heard."""
    FORWARDING = "forwarding"
    """The leg is being connected to another destination."""
    ENDED = "ended"
    """Over, with an ``endedReason``."""


class EndedReason(StrEnum):
    """Why a call ended: the 56 values of Vapi's page, and one more. One sentence each."""

    ASSISTANT_ERROR = "assistant-error"
    """The assistant's own code or configuration failed, and no narrower value fits."""
    ASSISTANT_NOT_FOUND = "assistant-not-found"
    """The ``assistantId`` named by number, URL or reply does not exist when the call arrives."""
    DB_ERROR = "db-error"
    """The store failed while the call was set up or run."""
    NO_SERVER_AVAILABLE = "no-server-available"
    """No instance had media capacity when the leg arrived."""
    PIPELINE_ERROR_EXTRA_FUNCTION_FAILED = "pipeline-error-extra-function-failed"
    """A built-in extra function (keypad, forward) failed."""
    PIPELINE_ERROR_FIRST_MESSAGE_FAILED = "pipeline-error-first-message-failed"
    """The first message could not be spoken."""
    PIPELINE_ERROR_FUNCTION_FILLER_FAILED = "pipeline-error-function-filler-failed"
    """The filler message during a function call could not be spoken."""
    PIPELINE_ERROR_FUNCTION_FAILED = "pipeline-error-function-failed"
    """A function call to the server failed and the assistant could not go on."""
    PIPELINE_ERROR_OPENAI_LLM_FAILED = "pipeline-error-openai-llm-failed"
    """OpenAI's model failed."""
    PIPELINE_ERROR_AZURE_OPENAI_LLM_FAILED = "pipeline-error-azure-openai-llm-failed"
    """Azure OpenAI's model failed."""
    PIPELINE_ERROR_TOGETHER_AI_LLM_FAILED = "pipeline-error-together-ai-llm-failed"
    """Together AI's model failed."""
    PIPELINE_ERROR_ANYSCALE_LLM_FAILED = "pipeline-error-anyscale-llm-failed"
    """Anyscale's model failed."""
    PIPELINE_ERROR_OPENROUTER_LLM_FAILED = "pipeline-error-openrouter-llm-failed"
    """OpenRouter's model failed."""
    PIPELINE_ERROR_PERPLEXITY_AI_LLM_FAILED = "pipeline-error-perplexity-ai-llm-failed"
    """Perplexity's model failed."""
    PIPELINE_ERROR_DEEPINFRA_LLM_FAILED = "pipeline-error-deepinfra-llm-failed"
    """DeepInfra's model failed."""
    PIPELINE_ERROR_RUNPOD_LLM_FAILED = "pipeline-error-runpod-llm-failed"
    """Runpod's model failed."""
    PIPELINE_ERROR_GROQ_LLM_FAILED = "pipeline-error-groq-llm-failed"
    """Groq's model failed."""
    PIPELINE_ERROR_ANTHROPIC_LLM_FAILED = "pipeline-error-anthropic-llm-failed"
    """Anthropic's model failed."""
    PIPELINE_ERROR_OPENAI_VOICE_FAILED = "pipeline-error-openai-voice-failed"
    """OpenAI's voice failed."""
    PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED = "pipeline-error-deepgram-transcriber-failed"
    """Deepgram's transcriber failed."""
    PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED = "pipeline-error-deepgram-voice-failed"
    """Deepgram's voice failed."""
    PIPELINE_ERROR_ELEVEN_LABS_VOICE_FAILED = "pipeline-error-eleven-labs-voice-failed"
    """ElevenLabs' voice failed for another cause than the next two."""
    PIPELINE_ERROR_ELEVEN_LABS_VOICE_NOT_FOUND = "pipeline-error-eleven-labs-voice-not-found"
    """ElevenLabs does not know the voice id."""
    PIPELINE_ERROR_ELEVEN_LABS_QUOTA_EXCEEDED = "pipeline-error-eleven-labs-quota-exceeded"
    """ElevenLabs' quota is spent."""
    PIPELINE_ERROR_PLAYHT_VOICE_FAILED = "pipeline-error-playht-voice-failed"
    """PlayHT's voice failed."""
    PIPELINE_ERROR_LMNT_VOICE_FAILED = "pipeline-error-lmnt-voice-failed"
    """LMNT's voice failed."""
    PIPELINE_ERROR_AZURE_VOICE_FAILED = "pipeline-error-azure-voice-failed"
    """Azure's voice failed."""
    PIPELINE_ERROR_RIME_AI_VOICE_FAILED = "pipeline-error-rime-ai-voice-failed"
    """Rime's voice failed."""
    PIPELINE_ERROR_NEETS_VOICE_FAILED = "pipeline-error-neets-voice-failed"
    """Neets' voice failed."""
    PIPELINE_NO_AVAILABLE_LLM_MODEL = "pipeline-no-available-llm-model"
    """No usable model: none configured, or every fallback failed."""
    SERVER_SHUTDOWN = "server-shutdown"
    """The process stopped during the call and the call could not be re-attached."""
    TWILIO_FAILED_TO_CONNECT_CALL = "twilio-failed-to-connect-call"
    """Twilio could not connect the leg, or refused to create it."""
    UNKNOWN_ERROR = "unknown-error"
    """The call is over and nothing explains why."""
    VONAGE_DISCONNECTED = "vonage-disconnected"
    """Vonage dropped the leg or the media socket without being asked."""
    VONAGE_FAILED_TO_CONNECT_CALL = "vonage-failed-to-connect-call"
    """Vonage could not connect the leg or the media socket, or refused to create it."""
    ASSISTANT_NOT_INVALID = "assistant-not-invalid"
    """The assistant is not valid when the call starts (spelt as Vapi's page prints it)."""
    ASSISTANT_NOT_PROVIDED = "assistant-not-provided"
    """No assistant, no ``assistantId`` and no server URL to ask."""
    ASSISTANT_REQUEST_RETURNED_ERROR = "assistant-request-returned-error"
    """The server answered ``assistant-request`` with an error, or not in time."""
    ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT = "assistant-request-returned-invalid-assistant"
    """The server's reply to ``assistant-request`` is not a valid assistant."""
    ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT = "assistant-request-returned-no-assistant"
    """The server's reply to ``assistant-request`` names no assistant."""
    ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER = (
        "assistant-request-returned-forwarding-phone-number"
    )
    """The server's reply to ``assistant-request`` is a destination: forwarded without an assistant."""
    ASSISTANT_ENDED_CALL = "assistant-ended-call"
    """The assistant hung up."""
    ASSISTANT_SAID_END_CALL_PHRASE = "assistant-said-end-call-phrase"
    """The assistant spoke one of its ``endCallPhrases``."""
    ASSISTANT_FORWARDED_CALL = "assistant-forwarded-call"
    """The assistant's transfer was carried out."""
    ASSISTANT_JOIN_TIMED_OUT = "assistant-join-timed-out"
    """The leg was up, but the assistant's media socket never joined."""
    CUSTOMER_BUSY = "customer-busy"
    """The callee was busy."""
    CUSTOMER_ENDED_CALL = "customer-ended-call"
    """The customer hung up, or gave up before the call was answered."""
    CUSTOMER_DID_NOT_ANSWER = "customer-did-not-answer"
    """The callee's phone rang out."""
    CUSTOMER_DID_NOT_GIVE_MICROPHONE_PERMISSION = "customer-did-not-give-microphone-permission"
    """Web calls only: the browser refused the microphone."""
    EXCEEDED_MAX_DURATION = "exceeded-max-duration"
    """``maxDurationSeconds`` was reached."""
    MANUALLY_CANCELED = "manually-canceled"
    """The end was requested through the API or the dashboard."""
    PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET = "phone-call-provider-closed-websocket"
    """The carrier's media socket went away while the leg lived on, or without a word."""
    PIPELINE_ERROR_CUSTOM_LLM_LLM_FAILED = "pipeline-error-custom-llm-llm-failed"
    """The customer's own model endpoint failed."""
    SILENCE_TIMED_OUT = "silence-timed-out"
    """Neither side spoke for ``silenceTimeoutSeconds``."""
    VOICEMAIL = "voicemail"
    """A machine answered, and the policy is to stop."""
    VONAGE_REJECTED = "vonage-rejected"
    """Vonage or the callee rejected the leg before it was connected."""
    NO_CALL_RECEIVED = "phone-call-provider-bypass-enabled-but-no-call-received"
    """A bypass call whose leg never arrived. Not of the 56: Vapi added it weeks after that page."""


class EventKind(StrEnum):
    """What happened, whoever says it. Each row of a call's event log has one of these kinds."""

    CREATED = "call.created"
    """The call was accepted by us. ``data``: ``bypass``, ``maxDurationSeconds``."""
    LEG_FETCHED = "leg.fetched"
    """The carrier asked for the call's document: a leg has reached us."""
    LEG_QUEUED = "leg.queued"
    """The carrier is about to dial."""
    LEG_RINGING = "leg.ringing"
    """The phone rings."""
    LEG_ANSWERED = "leg.answered"
    """The phone was picked up; the assistant may not be in yet."""
    LEG_ENDED = "leg.ended"
    """The phone leg is over. ``reason``; ``generic`` when the carrier does not say why."""
    LEG_CONTINUED = "leg.continued"
    """The carrier went past our markup and asks for the next document: the leg lives on, alone."""
    MEDIA_STARTING = "media.starting"
    """The carrier is setting the media socket up."""
    MEDIA_CONNECTED = "media.connected"
    """The media socket is open and proved: the assistant is in. ``stream``."""
    MEDIA_STOPPED = "media.stopped"
    """The carrier said the stream is over (``generic``). ``stream``."""
    MEDIA_LOST = "media.lost"
    """The socket closed without that word; it may still be re-attached. ``stream``."""
    MEDIA_GONE = "media.gone"
    """A lost socket was not re-attached (``reason``), or the carrier reports the media leg's end."""
    MEDIA_FAILED = "media.failed"
    """The media could not be connected. Counts only if it never was connected; ``reason``."""
    REATTACHED = "media.reattached"
    """Our decision to give a lost leg a fresh document. ``data.streams``: the streams it replaces."""
    MACHINE_DETECTED = "machine.detected"
    """Answering machine detection gave a verdict. ``reason`` only when the policy is to stop."""
    FORWARD_STARTED = "forward.started"
    """The leg is being connected to ``data.destination``; ``data.forward`` names this attempt."""
    FORWARD_FAILED = "forward.failed"
    """That attempt (``data.forward``) was busy, unanswered or refused."""
    FORWARD_ENDED = "forward.ended"
    """That attempt (``data.forward``) was connected, and is over. ``reason``."""
    INTENT = "intent"
    """Our own decision to end the call, committed before it is carried out. ``reason``."""
    TIMER = "timer"
    """One of our timers ended the call, nothing else having done so. ``reason``."""
    SETTLED = "call.settled"
    """The reason is frozen. ``reason``, ``at`` = the call's end."""
    RECORDED = "recording.ready"
    """A recording can be fetched: ``data.recordingRef``, ``data.recordingUrl``. Changes no status."""
    RECORDING_FAILED = "recording.failed"
    """The carrier has no recording after all (``data.recordingRef``). Changes no status."""
    NOTE = "note"
    """Stored and shown, changes no status: costs, unknown words."""


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One thing that happened to one call. Equal sets of events fold to equal calls.

    ``at`` is the carrier's own time where it tells one, else the time we heard of it (aware, UTC).
    ``key`` is unique within the call: a repeated key is the same event again.
    ``sequence`` breaks ties of ``at``, where the carrier counts.
    ``generic``: the reason may be replaced by a more specific one until the call settles.
    ``data`` holds facts in our words (JSON; of every kind ``price`` as in ``common/price.py``), ``raw`` the carrier's own words (JSON, stored only).
    """

    kind: EventKind
    at: datetime
    key: str
    source: str = "patchbay"
    sequence: int | None = None
    reason: EndedReason | None = None
    unanswered_reason: EndedReason | None = None
    """Replaces ``reason`` when the call was never answered nor joined (LEG_ENDED only)."""
    generic: bool = False
    stream: str | None = None
    data: JsonObject = field(default_factory=dict)
    raw: JsonObject = field(default_factory=dict)
