"""An assistant's JSON, parsed once for everything this program does about it. Pure.

Takes any JSON object: a field of the wrong type counts as absent. Where Vapi has an old
and a new name for one thing, both are read and the new one wins.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from app.domain.assistant import analysis_plan, conversation, recording, voicemail
from app.domain.assistant.analysis_plan import AnalysisPlan
from app.domain.assistant.conversation import ConversationPlan
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.recording import RecordingPlan
from app.domain.assistant.voicemail import VoicemailPlan
from app.settings import ASSISTANT_DEFAULT_SECONDS, Settings
from app.vendors.registry import DEFAULT_TRANSCRIBER
from providers.common.json_types import JsonObject

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
"""``transcript`` without its partial ones."""
EMBEDDED: Json = {"provider": "embedded"}
"""The model and the voice of an assistant that names none: the keypad menu and its voice."""
NO_TRANSCRIBER: Json = {"provider": "none"}


@dataclass(frozen=True, slots=True)
class Server:
    """Where a call's messages go. ``secret`` and ``headers`` are sealed before they are stored."""

    url: str
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    policy: JsonObject = field(default_factory=dict)
    """Vapi's ``timeoutSeconds`` and ``backoffPlan``, as far as given."""


@dataclass(frozen=True, slots=True)
class Transport:
    """``transport``: who answers the media socket."""

    provider: str
    url: str | None
    """Of an external stream."""
    headers: JsonObject = field(repr=False)

    def backend(self, settings: Settings) -> str:
        """The assistant's backend; the setting's where it names none that is known."""
        return self.provider if self.provider in settings.backends else settings.assistant_backend

    def stream_url(self, settings: Settings) -> str | None:
        return self.url or settings.stream_url


@dataclass(frozen=True)
class AssistantConfig:
    """What an assistant means for a call, its overrides applied.

    Each subject is parsed once, when it is first read: a webhook about one subject does not enter
    the files of the others.
    """

    json: Json = field(repr=False)

    # The vendors' parts (``app/vendors``) read these three.

    @cached_property
    def model(self) -> Json:
        return object_of(self.json, "model") or EMBEDDED

    @cached_property
    def voice(self) -> Json:
        return object_of(self.json, "voice") or EMBEDDED

    @cached_property
    def transcriber(self) -> Json:
        """A keypad menu needs none; a model is deaf without."""
        default = NO_TRANSCRIBER if self.is_menu else {"provider": DEFAULT_TRANSCRIBER}
        return object_of(self.json, "transcriber") or default

    @property
    def is_menu(self) -> bool:
        """The embedded keypad menu answers, and no model of a vendor."""
        return self.model.get("provider") == EMBEDDED["provider"]

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

    # The others.

    @cached_property
    def server(self) -> Server | None:
        return server_of(self.json)

    @cached_property
    def transport(self) -> Transport:
        given: JsonObject = object_of(self.json, "transport")
        url, headers = given.get("url") or None, given.get("headers") or {}
        return Transport(text_of(given, "provider"), url, headers)

    @cached_property
    def server_messages(self) -> frozenset[str]:
        listed = _names(self.json, "serverMessages")
        return DEFAULT_MESSAGES if listed is None else listed

    @cached_property
    def client_messages(self) -> frozenset[str] | None:
        """None: all of them."""
        return _names(self.json, "clientMessages")

    @cached_property
    def max_duration_seconds(self) -> int | None:
        given = self.json.get("maxDurationSeconds")
        return _seconds(given) if given else None

    @property
    def may_be_listened_to(self) -> bool:
        return object_of(self.json, "monitorPlan").get("listenEnabled") is not False

    @property
    def variable_values(self) -> Json:
        return object_of(self.json, "variableValues")

    @cached_property
    def credential_ids(self) -> frozenset[str] | None:
        """Of the organisation's credentials, those that the call may use; None: all of them."""
        return _names(self.json, "credentialIds")

    @cached_property
    def credentials(self) -> list[Json]:
        """The assistant's own."""
        return objects_of(self.json, "credentials")

    def wants_server_message(self, kind: str, extra: Json | None = None) -> bool:
        """Whether ``serverMessages`` lets this type through.

        ``extra``: the message's own fields, for the types that may be chosen by one of them.
        """
        final = (extra or {}).get("transcriptType") == "final"
        return kind in self.server_messages or (final and FINAL_TRANSCRIPT in self.server_messages)

    def wants_client_message(self, kind: str) -> bool:
        """The same of ``clientMessages``, for those who listen to the call."""
        return self.client_messages is None or kind in self.client_messages


def server_of(body: JsonObject) -> Server | None:
    """The server of an assistant, tool or phone number, its secrets included."""
    server = body.get("server")
    server = server if isinstance(server, Mapping) else {}
    url = server.get("url") or body.get("serverUrl")
    if not url:
        return None
    policy = {name: server[name] for name in ("timeoutSeconds", "backoffPlan") if server.get(name)}
    secret = server.get("secret") or body.get("serverUrlSecret")
    return Server(url, secret, server.get("headers") or {}, policy)


def max_duration(call: JsonObject, config: AssistantConfig) -> int:
    """Seconds: the call's own, else the assistant's, else the default."""
    asked = call.get("maxDurationSeconds") or config.max_duration_seconds
    return ASSISTANT_DEFAULT_SECONDS if asked is None else int(asked)


def _names(assistant: Json, name: str) -> frozenset[str] | None:
    """None where the field is no list."""
    given = assistant.get(name)
    if not isinstance(given, list):
        return None
    return frozenset([each for each in given if isinstance(each, str)])


def _seconds(given: object) -> int | None:
    try:
        return int(given) if isinstance(given, int | float | str) else None
    except (ValueError, OverflowError):
        return None
