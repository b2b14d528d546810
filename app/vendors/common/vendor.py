"""What there is to know of an AI vendor: plain data, read without its SDK and without pipecat.

A vendor's data stand in the ``__init__`` of its company's folder, and ``app/vendors/registry.py``
lists them. A part names the function that makes it, as entry points do: ``module:function``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from providers.events import EndedReason

Config: TypeAlias = Mapping[str, Any]
"""An assistant's ``model``, ``voice`` or ``transcriber``, as Vapi's JSON has it."""

Cause: TypeAlias = tuple[re.Pattern[str], EndedReason]
"""A pattern of error texts, and what a call ends with whose error fits it."""


@dataclass(frozen=True, slots=True)
class CredentialFields:
    """What a credential of one vendor holds. All but ``lists`` are texts."""

    key: str = "apiKey"
    url: str = "apiUrl"
    shown: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Kept and shown, and not read."""
    required: tuple[str, ...] = ()
    """Beside the key."""

    @property
    def texts(self) -> frozenset[str]:
        """The fields that hold a text."""
        return frozenset({self.key, self.url, *self.shown, *self.sealed})


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmPart:
    """Its models. ``make``: takes a ``Spec`` and returns pipecat's ``LLMService``."""

    make: str
    one_shot: str
    """The module that asks one question without pipecat: its ``request`` and ``read``."""
    failed: EndedReason = EndedReason.ASSISTANT_ERROR
    """What a call ends with when the model fails."""
    address: str | None = None
    """Where it is reached; None: the account, or the assistant, has to say."""
    server_in_assistant: bool = False
    """The assistant names the server: ``model.url``, ``headers``, ``timeoutSeconds``."""
    model: str | None = None
    """The model where ``model.model`` does not say; None: there is none that stays."""
    temperature: float | None = 0.5
    """Where ``model.temperature`` does not say: Vapi's default, or None for the vendor's own."""
    reasoning: re.Pattern[str] | None = None
    """Names of models that refuse a temperature and think within their tokens."""
    max_tokens_field: str = "max_tokens"
    """The name of the request's limit of tokens."""
    user_first: bool = False
    """It refuses a conversation that the assistant begins."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """A credential's field -> the header in which each request carries it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SttPart:
    """Its transcribers. ``make``: see ``MakeTranscriber`` in ``app/vendors/stt.py``."""

    make: str
    failed: EndedReason = EndedReason.ASSISTANT_ERROR
    """What a call ends with when the transcriber fails for good."""
    address: str | None = None
    """An origin without a path. None: it takes no account, so none is checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TtsPart:
    """Its voices. ``make``: see ``MakeVoice`` in ``app/vendors/common/tts_part.py``."""

    make: str
    failed: EndedReason = EndedReason.ASSISTANT_ERROR
    """What a call ends with when the voice fails."""
    causes: tuple[Cause, ...] = ()
    """Ended reasons that say more, by what the error says."""
    word_times: bool = False
    """It says when each word is spoken."""
    asked_ahead: bool = False
    """Its sound comes over a websocket, in one stream for all sentences of a turn."""
    needs_account: bool = True
    """It speaks with a ``voiceId`` and an account only."""
    needs_region: bool = False
    """Its own address is made of its account's ``region``."""
    server_in_assistant: bool = False
    """The assistant names the server: ``voice.server``."""

    @property
    def speaks_by_itself(self) -> bool:
        """Neither an account nor a server is needed."""
        return not self.needs_account and not self.server_in_assistant


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One value of Vapi's ``provider``. A company may have several, as Azure does."""

    name: str
    """Vapi's. The lists of prices (``PRICES_FILE``) call it so too."""
    env_prefix: str | None = None
    """Of its variables, as the vendor's own SDK calls them. None: it takes no account."""
    extra_variables: Mapping[str, str] = field(default_factory=dict)
    """What else an account needs: a credential's field -> its variable."""
    credential: CredentialFields = CredentialFields()
    discontinued: str | None = None
    """Out of business: what an address has to take to stand in for it; None: it is in business."""
    llm: LlmPart | None = None
    stt: SttPart | None = None
    tts: TtsPart | None = None

    @property
    def key_variable(self) -> str:
        return f"{self.env_prefix}_API_KEY"

    @property
    def url_variable(self) -> str:
        return f"{self.env_prefix}_BASE_URL"

    @property
    def key_needs_url(self) -> bool:
        """A key without an address would be shown to every client's server."""
        return self.llm is not None and self.llm.server_in_assistant
