"""An assistant's JSON, parsed once for all uses. Pure.

The parser takes any JSON object: a field of the wrong type counts as absent. Where Vapi has
an old and a new name for one field, both are read and the new one wins.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from app.domain.assistant import (
    analysis_plan,
    compliance,
    conversation,
    hooks,
    line_sound,
    recording,
    speech_text,
    structured_outputs,
    transfer_places,
    voicemail,
)
from app.domain.assistant.analysis_plan import AnalysisPlan
from app.domain.assistant.conversation import ConversationPlan
from app.domain.assistant.fields import Json, object_of, objects_of, text_of, without_empty
from app.domain.assistant.hooks import Hook
from app.domain.assistant.line_sound import LineSound
from app.domain.assistant.recording import RecordingPlan
from app.domain.assistant.secrets import split_secrets
from app.domain.assistant.speech_text import SpeechTextPlan
from app.domain.assistant.structured_outputs import OutputPlan
from app.domain.assistant.transfer_places import Place
from app.domain.assistant.voicemail import VoicemailPlan
from app.domain.overlay import merge
from app.settings import ASSISTANT_DEFAULT_SECONDS, Settings
from app.vendors import registry, speech_voices
from app.vendors.registry import DEFAULT_TRANSCRIBER, named
from providers.common.json_types import JsonDict, JsonObject

DEFAULT_MESSAGES = frozenset(
    {
        "conversation-update",
        "end-of-call-report",
        "function-call",
        "hang",
        "speech-update",
        "status-update",
        "tool-calls",
        "transfer-destination-request",
        "user-interrupted",
    }
)
"""Of ``serverMessages``, as today's page has them. https://docs.vapi.ai/api-reference/assistants/create"""
FINAL_TRANSCRIPT = 'transcript[transcriptType="final"]'
"""``transcript``, final ones only."""
EMBEDDED: Json = {"provider": "embedded"}
"""The default model and voice of an assistant: the keypad menu and its voice."""
BY_CARRIER = "conversation-relay"
"""The ``transport.conversationType`` of a carrier that hears and speaks by itself."""
LOCAL = "local"
"""The backend that has a model."""
NO_TRANSCRIBER: Json = {"provider": "none"}
POLICY = ("timeoutSeconds", "backoffPlan", "credentialId")
"""Fields of a server that are no secrets."""


@dataclass(frozen=True, slots=True)
class Server:
    """The server that gets a call's messages. ``secret`` and ``headers`` are encrypted at rest."""

    url: str
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    policy: JsonObject = field(default_factory=dict)
    """Vapi's ``timeoutSeconds``, ``backoffPlan`` and ``credentialId``, each optional."""

    @property
    def asked(self) -> JsonDict:
        """As a request is told it (``CallContext.request``)."""
        return {**self.policy, "url": self.url, "secret": self.secret, "headers": self.headers}


@dataclass(frozen=True, slots=True)
class Transport:
    """``transport``: the backend that answers the media socket."""

    provider: str
    url: str | None
    """URL of an external stream."""
    headers: JsonObject = field(repr=False)
    by_carrier: bool = False
    """The carrier hears and speaks by itself, and the media socket carries text."""

    def backend(self, settings: Settings) -> str:
        """The assistant's backend. A missing or unknown name gives the setting's."""
        if self.by_carrier:
            return LOCAL
        return self.provider if self.provider in settings.backends else settings.assistant_backend

    def stream_url(self, settings: Settings) -> str | None:
        return self.url or settings.stream_url


@dataclass(frozen=True)
class AssistantConfig:
    """An assistant's configuration for one call, its overrides applied.

    Each subject is parsed once, when it is first read. A webhook about one subject therefore
    does not run the parsers of the others.
    """

    json: Json = field(repr=False)

    @cached_property
    def parts(self) -> tuple[AssistantConfig, JsonDict]:
        """The assistant without its secrets, and its secrets."""
        public, secrets = split_secrets(self.json)
        return AssistantConfig(public), secrets

    def with_overrides(self, overrides: Json | None) -> AssistantConfig:
        return AssistantConfig(merge(self.json, without_empty(overrides))) if overrides else self

    # The vendors (``app/vendors``) read these three, with Vapi's names of their providers.

    @cached_property
    def model(self) -> Json:
        return named(without_empty(object_of(self.json, "model")) or EMBEDDED)

    @cached_property
    def voice(self) -> Json:
        given = without_empty(object_of(self.json, "voice"))
        if self.is_speech:
            return named(speech_voices.voice_of(self.model, given))
        return named(given or EMBEDDED)

    @cached_property
    def transcriber(self) -> Json:
        """The transcriber. A keypad menu needs none, nor does a model that hears by itself."""
        without = self.is_menu or self.is_speech
        default = NO_TRANSCRIBER if without else {"provider": DEFAULT_TRANSCRIBER}
        return named(without_empty(object_of(self.json, "transcriber")) or default)

    @property
    def is_menu(self) -> bool:
        """Whether the embedded keypad menu answers, and no vendor's model."""
        return self.model.get("provider") == EMBEDDED["provider"]

    @cached_property
    def is_speech(self) -> bool:
        """Whether the model hears and speaks by itself, without a transcriber and a voice."""
        return registry.speech_part(self.model) is not None

    # Each in its own file.

    @cached_property
    def conversation(self) -> ConversationPlan:
        return conversation.parse(self.json, is_menu=self.is_menu)

    @cached_property
    def recording(self) -> RecordingPlan:
        return recording.parse(self.json)

    @cached_property
    def voicemail(self) -> VoicemailPlan:
        return voicemail.parse(self.json)

    @cached_property
    def analysis(self) -> AnalysisPlan:
        return analysis_plan.parse(self.json)

    @cached_property
    def hooks(self) -> tuple[Hook, ...]:
        return hooks.parse(self.json)

    @cached_property
    def line_sound(self) -> LineSound:
        return line_sound.parse(self.json)

    @cached_property
    def speech_text(self) -> SpeechTextPlan:
        return speech_text.parse(self.voice)

    @cached_property
    def transfers(self) -> tuple[Place, ...]:
        """The destinations that have a plan of their own."""
        return tuple(transfer_places.places(self.json))

    @cached_property
    def structured_outputs(self) -> OutputPlan:
        return structured_outputs.plan(self.json)

    # The others.

    @cached_property
    def server(self) -> Server | None:
        return server_of(self.json)

    @cached_property
    def transport(self) -> Transport:
        given: JsonObject = object_of(self.json, "transport")
        url, headers = given.get("url") or None, given.get("headers") or {}
        by_carrier = given.get("conversationType") == BY_CARRIER
        return Transport(text_of(given, "provider"), url, headers, by_carrier)

    @cached_property
    def server_messages(self) -> frozenset[str]:
        listed = _names(self.json, "serverMessages")
        return DEFAULT_MESSAGES if listed is None else listed

    @cached_property
    def client_messages(self) -> frozenset[str] | None:
        """None: all types."""
        return _names(self.json, "clientMessages")

    @cached_property
    def max_duration_seconds(self) -> int | None:
        given = self.json.get("maxDurationSeconds")
        return _seconds(given) if given else None

    @cached_property
    def keeps_no_record(self) -> bool:
        """Whether nothing of what was said may be kept (``hipaaEnabled``, ``pciEnabled``)."""
        return compliance.keeps_no_record(self.json)

    @property
    def may_be_listened_to(self) -> bool:
        return object_of(self.json, "monitorPlan").get("listenEnabled") is not False

    @property
    def may_be_controlled(self) -> bool:
        return object_of(self.json, "monitorPlan").get("controlEnabled") is not False

    @property
    def variable_values(self) -> Json:
        return object_of(self.json, "variableValues")

    @cached_property
    def credential_ids(self) -> frozenset[str] | None:
        """Ids of the organisation's credentials that the call may use; None: all."""
        return _names(self.json, "credentialIds")

    @cached_property
    def credentials(self) -> list[Json]:
        """The assistant's own ``credentials``."""
        return objects_of(self.json, "credentials")

    def wants_server_message(self, kind: str, extra: Json | None = None) -> bool:
        """Whether ``serverMessages`` lists this type.

        ``extra``: the message's own fields. Some types are listed with the value of one.
        """
        final = (extra or {}).get("transcriptType") == "final"
        return kind in self.server_messages or (final and FINAL_TRANSCRIPT in self.server_messages)

    def wants_client_message(self, kind: str) -> bool:
        """Whether ``clientMessages`` lists this type, for the clients that listen to the call."""
        return self.client_messages is None or kind in self.client_messages


def server_of(body: JsonObject) -> Server | None:
    """The server of an assistant, tool or phone number, with its secrets."""
    server = body.get("server")
    server = server if isinstance(server, Mapping) else {}
    url = server.get("url") or body.get("serverUrl")
    if not url:
        return None
    policy = {name: server[name] for name in POLICY if server.get(name)}
    secret = server.get("secret") or body.get("serverUrlSecret")
    return Server(url, secret, server.get("headers") or {}, policy)


def max_duration(call: JsonObject, config: AssistantConfig) -> int:
    """Seconds: the call's own, else the assistant's, else the default."""
    asked = call.get("maxDurationSeconds") or config.max_duration_seconds
    return ASSISTANT_DEFAULT_SECONDS if asked is None else int(asked)


def _names(assistant: Json, name: str) -> frozenset[str] | None:
    """The field's texts; None where the field is not a list."""
    given = assistant.get(name)
    if not isinstance(given, list):
        return None
    return frozenset([each for each in given if isinstance(each, str)])


def _seconds(given: object) -> int | None:
    try:
        return int(given) if isinstance(given, int | float | str) else None
    except (ValueError, OverflowError):
        return None
