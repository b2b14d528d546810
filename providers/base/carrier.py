"""A carrier, as the rest of the program sees it: one ``Carrier`` of parts, each a module or a class.

A webhook comes in as a ``WebhookReport``; an ``Instruction`` goes out as the carrier's markup.
A carrier decides nothing: what a call is, and what happens next, is ``app/domain``.
``docs/extending.md`` shows a whole carrier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from providers.base.instructions import Answer, Details, Instruction
from providers.base.media import MediaSerializer
from providers.base.rest import Account, CarrierClient, SignedProbe
from providers.base.setting import Setting
from providers.base.webhook import Hook, HookKind, WebhookReport, WebhookRequest
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

NEVER_ANSWERED = frozenset({EndedReason.CUSTOMER_BUSY, EndedReason.CUSTOMER_DID_NOT_ANSWER})
"""Reasons of legs that were not picked up, with every carrier."""


@dataclass(frozen=True, slots=True)
class NumberFields:
    """The carrier's own names in Vapi's phone-number bodies."""

    number: str
    """Field of the number: ``twilioPhoneNumber``."""
    account_ref: str | None
    """Field of the account: ``twilioAccountSid``; None when the number names a ``credentialId``."""
    secrets: tuple[str, ...] = ()
    """Secret fields, never echoed: ``twilioAuthToken``."""


class AccountConfig(Protocol):
    """Checks the shapes of an account (``config.py``)."""

    def account(self, ref: str, secrets: JsonObject) -> Account:
        """Check the secrets' names and shapes. Raises ``NotConfigured`` naming the wrong one."""
        ...

    def credential(self, body: JsonObject) -> tuple[str, JsonDict, JsonDict]:
        """Vapi's credential body -> (account ref, public fields, secrets). Raises ``NotConfigured``."""
        ...


class Signature(Protocol):
    """Proves who sent a request (``signature.py``)."""

    def claimed_account(self, request: WebhookRequest) -> str | None:
        """The account ref the request names, unverified; None when it names none.

        Raises ``MissingSignature`` when there is nothing to verify at all."""
        ...

    def verify(self, request: WebhookRequest, account: Account) -> None:
        """Raises ``Refused`` unless this account's carrier signed exactly this request."""
        ...

    def verify_socket(self, url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
        """The same for the media socket's handshake; ``url`` as given in the markup (``wss://``)."""
        ...

    def probe(self, url: str, account: Account, now: datetime) -> SignedProbe:
        """A webhook to our status URL, signed with the account's newest secret. Raises ``NotConfigured``."""
        ...


class Webhooks(Protocol):
    """Reads webhooks (``webhooks.py``)."""

    def parse(self, hook: HookKind, request: WebhookRequest) -> WebhookReport:
        """A verified request in our words. Raises ``BadRequest``."""
        ...


class Markup(Protocol):
    """Writes what a carrier is answered (``twiml.py``, ``ncco.py``)."""

    def answer(self, instructions: Sequence[Instruction]) -> Answer:
        """Markup for the carrier; raises ``ValueError`` for what it cannot express (our bug)."""
        ...

    def acknowledge(self) -> Answer:
        """The answer the carrier wants to a callback that asks nothing."""
        ...

    def refusal(self, error: Exception, *, transient: bool = False) -> Answer:
        """The answer to a request not let in, or (``transient``) that we cannot serve just now."""
        ...

    def details(self, details: Details) -> JsonDict:
        """``phoneCallProviderDetails``: the carrier's own create-call arguments, JSON."""
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
"""The parts of a carrier that are modules, and what each must have."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier: data about it, and its parts. Pure but for the clients it makes."""

    name: str
    """Lower-case letters; the first part of every URL it calls, and Vapi's ``provider``."""
    hooks: tuple[Hook, ...]
    settings: tuple[Setting, ...]
    """Variables of the default account."""
    number_fields: NumberFields

    config: AccountConfig
    signature: Signature
    webhooks: Webhooks
    markup: Markup
    serializer: Callable[[], MediaSerializer]
    """Makes the translation of one media socket."""
    client: ClientFactory

    return_hosts: frozenset[str] = frozenset()
    """Hosts of this carrier's own flows, always allowed as return URLs."""
    never_answered: frozenset[EndedReason] = NEVER_ANSWERED
    """Reasons of legs that were not picked up: a late one about an answered leg is not true of it."""
    connect_failed: EndedReason = EndedReason.UNKNOWN_ERROR
    """Vapi's reason for "this carrier never connected the call", where its page has one."""
    records_in_markup: bool = False
    """A recording begins with the markup, and lasts as long as the leg; else the API starts it."""
    simulator: str | None = None
    """The module that plays the carrier for ``patchbay simulate`` and ``patchbay demo``."""
