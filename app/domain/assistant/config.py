"""An assistant's JSON, parsed once for everything this program does about it. Pure.

Takes any JSON object: a field of the wrong type counts as absent. Where Vapi has an old
and a new name for one thing, both are read and the new one wins.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.domain.assistant import analysis_plan, conversation, recording, voicemail
from app.domain.assistant.analysis_plan import AnalysisPlan
from app.domain.assistant.conversation import ConversationPlan
from app.domain.assistant.fields import Json, object_of, objects_of, text_of, texts_of
from app.domain.assistant.recording import RecordingPlan
from app.domain.assistant.server import Server, Transport, server_of, transport_of
from app.domain.assistant.voicemail import VoicemailPlan
from app.settings import ASSISTANT_DEFAULT_SECONDS

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
DEFAULT_TRANSCRIBER: Json = {"provider": "deepgram"}
"""Vapi's."""


@dataclass(frozen=True, slots=True)
class LegacyTools:
    """The older flags whose place ``model.tools`` took."""

    can_end_call: bool
    can_dial_keypad: bool
    forwarding_number: str
    forwarding_numbers: tuple[Json, ...]


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
        default = NO_TRANSCRIBER if self.is_menu else DEFAULT_TRANSCRIBER
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
        return transport_of(self.json)

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
        return _seconds(self.json.get("maxDurationSeconds"))

    @property
    def may_be_listened_to(self) -> bool:
        return object_of(self.json, "monitorPlan").get("listenEnabled") is not False

    @cached_property
    def legacy_tools(self) -> LegacyTools:
        return _legacy_tools(self.json)

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


def of_call(row: Mapping[str, Any]) -> AssistantConfig:
    """The assistant of a call's row, without its secrets; one without an assistant has defaults."""
    return AssistantConfig(row["resolved"].get("assistant", {}))


def max_duration(call: Mapping[str, Any], config: AssistantConfig) -> int:
    """Seconds: the call's own, else the assistant's, else the default."""
    asked = call.get("maxDurationSeconds") or config.max_duration_seconds
    return ASSISTANT_DEFAULT_SECONDS if asked is None else int(asked)


def _names(assistant: Json, name: str) -> frozenset[str] | None:
    """None where the field is no list."""
    given = isinstance(assistant.get(name), list)
    return frozenset(texts_of(assistant, name)) if given else None


def _seconds(given: object) -> int | None:
    try:
        return int(given) if given and isinstance(given, int | float | str) else None
    except (ValueError, OverflowError):
        return None


def _legacy_tools(assistant: Json) -> LegacyTools:
    return LegacyTools(
        can_end_call=assistant.get("endCallFunctionEnabled") is True,
        can_dial_keypad=assistant.get("dialKeypadFunctionEnabled") is True,
        forwarding_number=text_of(assistant, "forwardingPhoneNumber"),
        forwarding_numbers=tuple(objects_of(assistant, "forwardingPhoneNumbers")),
    )
