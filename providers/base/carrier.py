"""The interface of a carrier: one ``Carrier`` of parts, each a module or a class.

A webhook comes in as a ``WebhookReport``; an ``Instruction`` goes out as the carrier's markup.
A carrier decides nothing: ``app/domain`` holds the calls and decides the next instruction.
``docs/extending.md`` shows a whole carrier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from providers.base.instructions import Answer, Details, Instruction
from providers.base.media import MediaSerializer, TextSerializer
from providers.base.pasted import Pasted
from providers.base.rest import Account, CarrierClient, SignedProbe
from providers.base.setting import Setting
from providers.base.stream_client import StreamOpener
from providers.base.webhook import Hook, HookKind, WebhookReport, WebhookRequest
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

NEVER_ANSWERED = frozenset({EndedReason.CUSTOMER_BUSY, EndedReason.CUSTOMER_DID_NOT_ANSWER})
"""Reasons of unanswered legs, the same for all carriers."""


@dataclass(frozen=True, slots=True)
class NumberFields:
    """The carrier's field names in Vapi's phone-number bodies."""

    number: str
    """Field of the number: ``twilioPhoneNumber``."""
    account_ref: str | None
    """Field of the account: ``twilioAccountSid``; None when the number names a ``credentialId``."""
    secrets: tuple[str, ...] = ()
    """Secret fields, never echoed: ``twilioAuthToken``."""


class AccountConfig(Protocol):
    """Checks the shape of an account (``config.py``)."""

    def account(self, ref: str, secrets: JsonObject) -> Account:
        """Check the secrets' names and shapes. ``NotConfigured`` names the wrong one."""
        ...

    def credential(self, body: JsonObject) -> tuple[str, JsonDict, JsonDict]:
        """Vapi's credential body -> (account ref, public fields, secrets). Raises ``NotConfigured``."""
        ...


class Signature(Protocol):
    """Verifies the sender of a request (``signature.py``)."""

    def claimed_account(self, request: WebhookRequest) -> str | None:
        """The account ref that the request names, unverified; None when it names none.

        Raises ``MissingSignature`` when the request has no signature."""
        ...

    def verify(self, request: WebhookRequest, account: Account) -> None:
        """Raises ``Refused`` unless this account's carrier signed exactly this request."""
        ...

    def verify_socket(self, url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
        """Verify the media socket's handshake. ``url`` is the markup's (``wss://``)."""
        ...

    def probe(self, url: str, account: Account, now: datetime) -> SignedProbe:
        """A status webhook, signed with the account's newest secret. Raises ``NotConfigured``."""
        ...


class Webhooks(Protocol):
    """Reads webhooks (``webhooks.py``)."""

    def parse(self, hook: HookKind, request: WebhookRequest) -> WebhookReport:
        """Translate a verified request. Raises ``BadRequest``."""
        ...


class Markup(Protocol):
    """Writes the answers to a carrier (``twiml.py``, ``ncco.py``)."""

    def answer(self, instructions: Sequence[Instruction]) -> Answer:
        """The instructions as markup. Raises ``ValueError`` for one that it cannot express."""
        ...

    def acknowledge(self) -> Answer:
        """The answer to a callback for which the carrier expects no instruction."""
        ...

    def refusal(self, error: Exception, *, transient: bool = False) -> Answer:
        """The answer to a refused request, or (``transient``) to one that we cannot serve now."""
        ...

    def details(self, details: Details) -> JsonDict:
        """``phoneCallProviderDetails``: the carrier's own create-call arguments, JSON."""
        ...


class PastedCallbacks(Protocol):
    """Reads callbacks that come without an address and a signature (``pasted.py``)."""

    def recognise(self, pasted: Pasted) -> HookKind | None:
        """The kind of the callback; None: it is not of this carrier."""
        ...

    def restore(self, pasted: Pasted) -> Pasted:
        """The same callback in the form that the carrier sends."""
        ...


class ClientFactory(Protocol):
    """Makes the client of the carrier's REST API; a class like ``TwilioClient`` is one."""

    def __call__(self, account: Account, *, timeout: float = 10.0) -> CarrierClient: ...


PARTS: Mapping[str, type] = {
    "config": AccountConfig,
    "signature": Signature,
    "webhooks": Webhooks,
    "markup": Markup,
}
"""The parts of a carrier that are modules, and the names that each must have."""


@dataclass(frozen=True, slots=True, eq=False)
class CarrierSpeech:
    """A carrier that hears and speaks by itself, and exchanges text with us.

    The providers are those of Vapi's ``voice`` and ``transcriber`` that the carrier has accounts at.
    """

    serializer: Callable[[], TextSerializer]
    voices: frozenset[str]
    transcribers: frozenset[str]
    options: frozenset[str]
    """The names of its own options, which an assistant's ``transport`` may have."""


@dataclass(frozen=True, slots=True, eq=False)
class Carrier:
    """A carrier: its data and its parts. Pure, except for the clients that it makes.

    There is one object for each, so a carrier equals only itself.
    """

    name: str
    """Lower-case letters: the first part of every URL that it calls, and Vapi's ``provider``."""
    hooks: tuple[Hook, ...]
    settings: tuple[Setting, ...]
    """Variables of the default account."""
    number_fields: NumberFields

    config: AccountConfig
    signature: Signature
    webhooks: Webhooks
    markup: Markup
    serializer: Callable[[], MediaSerializer]
    """Makes the serializer of one media socket."""
    client: ClientFactory

    return_hosts: frozenset[str] = frozenset()
    """Hosts of this carrier's own flows, always allowed as return URLs."""
    never_answered: frozenset[EndedReason] = NEVER_ANSWERED
    """Reasons of unanswered legs. Such a reason is ignored when the leg was answered."""
    connect_failed: EndedReason = EndedReason.UNKNOWN_ERROR
    """Vapi's reason for "this carrier never connected the call", where its page has one."""
    records_in_markup: bool = False
    """Whether the markup starts a recording, which lasts as long as the leg; else the API does."""
    proof_headers: tuple[str, ...] = ()
    """Headers of a webhook that prove its sender, or name its sending; lower case."""
    console_url: str = ""
    """Where people see a call at the carrier; ``{call}`` stands for its id there."""
    console_fields: Mapping[HookKind, str] = field(default_factory=dict)
    """The fields of a number's settings in the console that take our URLs."""
    pasted: PastedCallbacks | None = None
    """Reads callbacks that a person pasted; None: this carrier's cannot be explained so."""
    open_stream: StreamOpener | None = None
    """Is the carrier at another server's media socket. None: this carrier's cannot be relayed so."""
    phone: bool = True
    """Whether it connects phone legs. False: a client of ours opens the media socket itself.

    Such a carrier has no accounts: the call's token proves who asks. Its sockets begin without a
    start message, its stop is the customer's hang-up, and its legs cannot be transferred.
    """
    formats: Mapping[str, Callable[[], MediaSerializer]] = field(default_factory=dict)
    """Other serializers, by the name of the audio format that a call asks for."""
    speech: CarrierSpeech | None = None
    """Its own speech, with text over the media socket; None: it has none."""
    no_call: EndedReason = EndedReason.NO_CALL_RECEIVED
    """The ended reason of a call that waited for its leg in vain."""
    refers: bool = False
    """Whether its markup can refer a SIP leg (``Refer``)."""
    simulator: str | None = None
    """The module that simulates the carrier for ``patchbay simulate`` and ``patchbay demo``."""

    @property
    def holds(self) -> bool:
        """Whether a leg can wait in a room for an operator, as warm transfers need it."""
        return any(hook.kind is HookKind.OPERATOR for hook in self.hooks)


def phone_carriers(carriers: Mapping[str, Carrier]) -> list[str]:
    """The names of those that connect phone legs, with accounts and numbers."""
    return [name for name, carrier in carriers.items() if carrier.phone]
