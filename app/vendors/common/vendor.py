"""The data of an AI vendor, readable without its SDK and without pipecat.

A vendor's data is in the ``__init__`` of its company's folder, and ``app/vendors/registry.py``
lists it. A part names the function that builds it, as entry points do: ``module:function``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from app.vendors.common.address import BASE, AddressForm
from app.vendors.common.field import Field, of_kinds
from providers.common.json_types import JsonObject
from providers.events import EndedReason

# An assistant's ``model``, ``voice`` or ``transcriber``, as in Vapi's JSON.
Config: TypeAlias = JsonObject

# The lists in Vapi's ``fallbackPlan`` of a voice and a transcriber.
FALLBACK_PLANS: Mapping[str, str] = {"voice": "voices", "transcriber": "transcribers"}

# Of an account, as a part of its host's name.
REGION = re.compile(r"[a-z0-9-]+")

# A pattern of error texts, and the ended reason of a matching error.
Cause: TypeAlias = tuple[re.Pattern[str], EndedReason]


# A pattern of models' names, and fields of a request for them.
Extra: TypeAlias = tuple[re.Pattern[str], JsonObject]


@dataclass(frozen=True, slots=True)
class CredentialFields:
    """The fields of one vendor's credential. All but ``lists`` are texts."""

    key: str = "apiKey"
    url: str = "apiUrl"
    shown: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Stored and shown, and not used."""
    required: tuple[str, ...] = ()
    """Required beside the key."""

    @property
    def texts(self) -> frozenset[str]:
        """The fields that hold a text."""
        return frozenset({self.key, self.url, *self.shown, *self.sealed})


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProgram:
    """What a part needs of this machine: an installed package, and a model (``local_models.py``)."""

    missing: str
    """The function that says what this machine lacks: ``Missing``."""
    start: str
    """The function that starts its program ahead of the first call: ``Start``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmPart:
    """Its models. ``make``: takes a ``Spec`` and returns pipecat's ``LLMService``."""

    make: str
    one_shot: str
    """The module for one question without pipecat: its ``request`` and ``read``."""
    failed: EndedReason = EndedReason.ASSISTANT_ERROR
    """The ended reason when the model fails."""
    address: str | None = None
    """Its address; None: the account or the assistant has it."""
    server_in_assistant: bool = False
    """The assistant names the server: ``model.url``, ``headers``, ``timeoutSeconds``."""
    model: str | None = None
    """The default of ``model.model``; None: there is no lasting one."""
    temperature: float | None = 0.5
    """The default of ``model.temperature``: Vapi's, or None for the vendor's own."""
    reasoning: re.Pattern[str] | None = None
    """Names of models that refuse a temperature and reason within their tokens."""
    max_tokens_field: str = "max_tokens"
    """The name of the request's token limit."""
    extras: tuple[Extra, ...] = ()
    """Fields of a request for some of its models. The first pattern that fits the name counts."""
    user_first: bool = False
    """It refuses a conversation that the assistant begins."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """A credential's field -> the header that carries it in each request."""
    fields: Mapping[str, Field] = field(default_factory=lambda: of_kinds(model=str))
    """The fields of a ``model`` that end a call when they are wrong: others count as absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SttPart:
    """Its transcribers. ``make``: see ``MakeTranscriber`` in ``app/vendors/stt.py``."""

    make: str
    failed: EndedReason = EndedReason.ASSISTANT_ERROR
    """The ended reason when the transcriber fails for good."""
    address: str | None = None
    """Its address, which may hold ``{region}``. None: it takes no account, so none is checked."""
    server_in_assistant: bool = False
    """The assistant names the server: ``transcriber.server``."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    """The fields of a ``transcriber`` that it reads."""
    program: LocalProgram | None = None
    """The program of this machine that does it; None: a server, or a part of every installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TtsPart:
    """Its voices. ``make``: see ``MakeVoice`` in ``app/vendors/common/tts_part.py``."""

    make: str
    failed: EndedReason = EndedReason.ASSISTANT_ERROR
    """The ended reason when the voice fails."""
    causes: tuple[Cause, ...] = ()
    """More specific ended reasons, by the text of the error."""
    word_times: bool = False
    """It reports when each word is spoken."""
    asked_ahead: bool = False
    """Its audio comes over a websocket, in one stream for all sentences of a turn."""
    needs_account: bool = True
    """It needs a ``voiceId`` and an account."""
    needs_region: bool = False
    """Its own address contains its account's ``region``."""
    needs: tuple[str, ...] = ()
    """What its own address needs of an account beside the key."""
    server_in_assistant: bool = False
    """The assistant names the server: ``voice.server``."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    """The fields of a ``voice`` that it reads."""
    similar: str | None = None
    """The function that finds a voice of its own in place of another vendor's: ``Similar``."""
    program: LocalProgram | None = None
    """The program of this machine that does it; None: a server, or a part of every installation."""
    spoken_by_others: bool = False
    """Its voices cannot be had: another vendor's similar voice speaks."""

    @property
    def speaks_by_itself(self) -> bool:
        """Whether it needs neither an account nor a server."""
        return not self.needs_account and not self.server_in_assistant


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPart:
    """Its models that hear and speak by themselves. They have the address and key of ``LlmPart``."""

    make: str
    """``MakeSpeechModel`` of ``app/vendors/speech.py``."""
    models: re.Pattern[str]
    """Their names."""
    voices: tuple[str, ...]
    """The names of their voices; the first one is the default."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    """The fields of a ``voice`` that they read."""
    model_fields: frozenset[str] = frozenset()
    """The fields of a ``model`` that they read, beside ``provider``, messages and tools."""
    transcriber_fields: frozenset[str] = frozenset()
    """The fields of a ``transcriber`` that they read."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Vapi's name of a model that the vendor has no more -> the one in its place."""
    voice_in_model: tuple[str, ...] = ()
    """Where else the assistant's ``model`` may name the voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One value of Vapi's ``provider``. A company may have several, as Azure does."""

    name: str
    """Vapi's name, which the price lists (``PRICES_FILE``) use too."""
    aliases: tuple[str, ...] = ()
    """Other names that clients give it. An assistant keeps the one that it came with."""
    env_prefix: str | None = None
    """The prefix of its variables, as the vendor's own SDK has it. None: it takes no account."""
    key_name: str = "API_KEY"
    """The end of its key's variable."""
    extra_variables: Mapping[str, str] = field(default_factory=dict)
    """What else an account needs: a credential's field -> its variable."""
    credential: CredentialFields = CredentialFields()
    form: AddressForm = BASE
    """What an account's address may look like."""
    discontinued: str | None = None
    """It cannot be had: the protocol that an address in its place must accept. None: it can."""
    why_discontinued: str = "is out of business"
    """Why, after its name."""
    llm: LlmPart | None = None
    stt: SttPart | None = None
    tts: TtsPart | None = None
    speech: SpeechPart | None = None

    @property
    def program(self) -> LocalProgram | None:
        """What it needs of this machine; None: it is no program of ``patchbay[local]``."""
        return (self.stt and self.stt.program) or (self.tts and self.tts.program) or None

    def part(self, stage: str) -> LlmPart | SttPart | TtsPart | None:
        """Its part for an assistant's ``model``, ``transcriber`` or ``voice``."""
        parts: dict[str, LlmPart | SttPart | TtsPart | None]
        parts = {"model": self.llm, "transcriber": self.stt, "voice": self.tts}
        return parts[stage]

    @property
    def key_variable(self) -> str:
        return f"{self.env_prefix}_{self.key_name}"

    @property
    def lacks_key(self) -> str:
        """The sentence, without a point, for who wants to use it and has no key."""
        return (
            f"{self.name} has no key: set {self.key_variable}, "
            f"or POST /credential with provider {self.name}"
        )

    @property
    def url_variable(self) -> str:
        return f"{self.env_prefix}_BASE_URL"

    def region_problem(self, url: object, region: object) -> str | None:
        """Why this region leads to no server, for its author; None: it does, or is not needed."""
        if url or self.tts is None or not self.tts.needs_region:
            return None
        if isinstance(region, str) and REGION.fullmatch(region):
            return None
        return "must be the region of the key, such as westeurope"

    @property
    def key_needs_url(self) -> bool:
        """Whether a key needs an address. Without one it would be sent to every client's server."""
        return self.llm is not None and self.llm.server_in_assistant
