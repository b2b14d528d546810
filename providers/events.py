"""The vocabulary for all carriers: statuses, ended reasons, events.

It holds no carrier's words and decides nothing; ``app/domain/calls/state.py`` folds the events.
Statuses and reasons have the spelling of Vapi's "Create Phone Call" page. Five reasons of Vapi's
newer pages are added, ``LATER_REASONS``, because none of the 56 fits.
https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from providers.common.json_types import NOTHING, JsonObject


class CallStatus(StrEnum):
    """A call's status for clients, in rising rank. ``ended`` is final."""

    SCHEDULED = "scheduled"
    """The call waits for ``schedulePlan.earliestAt``."""
    QUEUED = "queued"
    """The call exists; no leg has arrived."""
    RINGING = "ringing"
    """The phone leg is up; the assistant has not joined."""
    IN_PROGRESS = "in-progress"
    """The assistant's media socket is open: audio flows both ways."""
    FORWARDING = "forwarding"
    """The leg is being connected to another destination."""
    ENDED = "ended"
    """Over, with an ``endedReason``."""


class EndedReason(StrEnum):
    """Why a call ended: the 56 values of Vapi's page, and five later ones. One sentence each."""

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
    """The process stopped: the call could not be re-attached, or was never dialled."""
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
    """The callee's phone rang out; or no browser joined a web call."""
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
    CALL_RINGING_HOOK_EXECUTED_SAY = "call.ringing.hook-executed-say"
    """A hook of the number spoke to the caller instead of an assistant. Of Vapi's newer page."""
    CALL_RINGING_HOOK_EXECUTED_TRANSFER = "call.ringing.hook-executed-transfer"
    """A hook of the number forwarded the caller at once. Of Vapi's newer page."""
    CALL_ENDING_HOOK_EXECUTED_SAY = "call.ending.hook-executed-say"
    """No assistant came of ``assistant-request``, and a hook of the number spoke."""
    CALL_ENDING_HOOK_EXECUTED_TRANSFER = "call.ending.hook-executed-transfer"
    """No assistant came of ``assistant-request``, and a hook of the number forwarded the caller."""


LATER_REASONS: Mapping[EndedReason, EndedReason | None] = {
    EndedReason.NO_CALL_RECEIVED: None,
    EndedReason.CALL_RINGING_HOOK_EXECUTED_SAY: EndedReason.ASSISTANT_NOT_PROVIDED,
    EndedReason.CALL_RINGING_HOOK_EXECUTED_TRANSFER: (
        EndedReason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER
    ),
    EndedReason.CALL_ENDING_HOOK_EXECUTED_SAY: EndedReason.ASSISTANT_REQUEST_RETURNED_ERROR,
    EndedReason.CALL_ENDING_HOOK_EXECUTED_TRANSFER: (
        EndedReason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER
    ),
}
"""The reasons beyond the 56, each with the one that stands for it. None: the carrier's own word."""


class EventKind(StrEnum):
    """The kind of an event, from any source. Each row of a call's event log has one."""

    CREATED = "call.created"
    """Patchbay accepted the call. ``data``: ``bypass``, ``maxDurationSeconds``, ``scheduled``."""
    DUE = "call.due"
    """The time of a scheduled call has come: it is dialled now."""
    LEG_FETCHED = "leg.fetched"
    """The carrier fetched the call's document: a leg has arrived."""
    LEG_QUEUED = "leg.queued"
    """The carrier is about to dial."""
    LEG_RINGING = "leg.ringing"
    """The phone rings."""
    LEG_ANSWERED = "leg.answered"
    """The phone was answered; the assistant may not have joined."""
    LEG_ENDED = "leg.ended"
    """The phone leg is over. ``reason``; ``generic`` when the carrier gives no cause."""
    LEG_CONTINUED = "leg.continued"
    """The carrier finished our markup and fetches the next document: the leg is still up."""
    MEDIA_STARTING = "media.starting"
    """The carrier is opening the media socket."""
    MEDIA_CONNECTED = "media.connected"
    """The media socket is open and verified: the assistant joined. ``stream``."""
    MEDIA_STOPPED = "media.stopped"
    """The carrier reported the end of the stream (``generic``). ``stream``."""
    MEDIA_LOST = "media.lost"
    """The socket closed without such a report; it may be reattached. ``stream``, ``data.word``."""
    MEDIA_GONE = "media.gone"
    """A lost socket was not reattached (``reason``), or the carrier reports the media leg's end."""
    MEDIA_FAILED = "media.failed"
    """The media connection failed. It counts only if none ever succeeded; ``reason``."""
    REATTACHED = "media.reattached"
    """We reattach a leg with a new document. ``data``: ``streams`` that it replaces, ``cause``."""
    MACHINE_DETECTED = "machine.detected"
    """Answering machine detection gave a verdict. ``reason`` only if the verdict ends the call."""
    FORWARD_STARTED = "forward.started"
    """The leg is being connected to ``data.destination``; ``data.forward`` names this attempt."""
    FORWARD_FAILED = "forward.failed"
    """The forward (``data.forward``) was busy, unanswered or refused."""
    FORWARD_ENDED = "forward.ended"
    """The forward (``data.forward``) was connected, and is over. ``reason``."""
    OPERATOR_DIALLED = "operator.dialled"
    """We ask the carrier to dial the operator of a warm transfer (``data.forward``), once."""
    OPERATOR_RINGING = "operator.ringing"
    """The carrier has taken the operator's leg (``data.forwardLegRef``), or its phone rings."""
    OPERATOR_ANSWERED = "operator.answered"
    """The operator's phone was answered. ``data.machine``: by an answering machine."""
    OPERATOR_TALKING = "operator.talking"
    """The transfer assistant talks with the operator. ``data.process`` has the media socket."""
    OPERATOR_TALKED = "operator.talked"
    """The transfer assistant has left, and the operator's leg asks what follows."""
    OPERATOR_BRIEFED = "operator.briefed"
    """The operator has heard why the caller is transferred, and enters the caller's room."""
    OPERATOR_JOINED = "operator.joined"
    """The operator is in the room, with the caller."""
    OPERATOR_ENDED = "operator.ended"
    """The operator's leg is over. ``data.outcome``: the carrier's word."""
    QUEUE_ENTERED = "queue.entered"
    """The leg waits for a slot: ``data.position`` is its place in the line."""
    QUEUE_POSITION = "queue.position"
    """The caller was told another ``data.position``."""
    QUEUE_LEFT = "queue.left"
    """The leg waits no longer. ``data.outcome``: connected, gone, timed-out or callback."""
    INTENT = "intent"
    """We decided to end the call. The event is committed before the hang-up. ``reason``."""
    TIMER = "timer"
    """One of our timers ended the call, because no other event did. ``reason``."""
    SETTLED = "call.settled"
    """The ended reason is final. ``reason``, ``at`` = the call's end."""
    ASSISTANT_CHANGED = "assistant.changed"
    """The call was handed to another assistant. ``stream``; ``data``: ``from``, ``to``, names."""
    TAKEN_OVER = "supervisor.took-over"
    """A supervisor has the call, and the assistant is silent. ``stream``, ``data.cause``."""
    GIVEN_BACK = "supervisor.gave-back"
    """The supervisor has the call no more. ``data.cause``: asked, left, lost or transferred."""
    RECORDED = "recording.ready"
    """A recording can be fetched: ``data.recordingRef``, ``data.recordingUrl``. Changes no status."""
    RECORDING_FAILED = "recording.failed"
    """The carrier has no recording after all (``data.recordingRef``). Changes no status."""
    NOTE = "note"
    """A note that changes no status: a cost, an unknown word."""


class CallEvent(NamedTuple):
    """One event of one call. Equal sets of events fold to equal calls.

    ``at`` is the carrier's own time, else the time of receipt (aware, UTC).
    ``key`` is unique within the call: a repeated key is the same event again.
    ``sequence`` is the carrier's counter, if any: it orders events with the same ``at``.
    ``generic``: the reason may be replaced by a more specific one until the call settles.
    ``data`` holds translated facts as JSON. Any kind may have a ``price`` (``common/price.py``).
    ``raw`` holds the carrier's own words as JSON, which are only stored.
    """

    kind: EventKind
    at: datetime
    key: str
    source: str = "patchbay"
    sequence: int | None = None
    reason: EndedReason | None = None
    unanswered_reason: EndedReason | None = None
    """Replaces ``reason`` if the call was never answered or joined (LEG_ENDED only)."""
    generic: bool = False
    stream: str | None = None
    data: JsonObject = NOTHING
    raw: JsonObject = NOTHING
    token: str | None = None
    """The digest of a token with which the carrier signs one request: no other may have it."""
