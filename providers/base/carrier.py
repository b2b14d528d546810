"""What a carrier is to the rest of the program: a webhook in, a Report out; an Instruction in, markup out.

Every carrier's folder has the same parts (``docs/adding-a-carrier.md`` lists them) and one object
that joins them and satisfies ``Carrier``. A carrier decides nothing: what a call is, and what
happens next, is ``app/domain``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from providers.base.instructions import Answer, Details, Instruction
from providers.base.media import MediaSerializer
from providers.base.rest import Account, CarrierClient, SignedProbe
from providers.base.webhook import Hook, HookKind, WebhookReport, WebhookRequest
from providers.events import EndedReason

# ------------------------------------------------------------------ what comes in


# ------------------------------------------------------------------ what goes out


# ------------------------------------------------------------------ accounts


# ------------------------------------------------------------------ sound


# ------------------------------------------------------------------ the carrier's API


# ------------------------------------------------------------------ the whole


@dataclass(frozen=True, slots=True)
class NumberFields:
    """The carrier's own names in Vapi's phone-number bodies."""

    number: str
    """Field of the number: ``twilioPhoneNumber``."""
    account_ref: str | None
    """Field of the account: ``twilioAccountSid``; None when the number names a ``credentialId``."""
    secrets: tuple[str, ...] = ()
    """Secret fields, never echoed: ``twilioAuthToken``."""


class Carrier(Protocol):
    """A carrier. Pure but for ``client()``."""

    name: str
    hooks: tuple[Hook, ...]
    number_fields: NumberFields
    return_hosts: frozenset[str]
    """Hosts of this carrier's own flows, always allowed as return URLs."""
    records_in_markup: bool
    """A recording begins with a document, and lasts as long as the leg; else the API starts it."""

    def account(self, ref: str, secrets: Mapping[str, Any]) -> Account:
        """Check the secrets' names and shapes. Raises ``NotConfigured`` naming the wrong one."""
        ...

    def credential(self, body: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Vapi's credential body -> (account ref, public fields, secrets). Raises ``NotConfigured``."""
        ...

    def claimed_account(self, request: WebhookRequest) -> str | None:
        """The account ref the request names, unverified; None when it names none.

        Raises ``MissingSignature`` when there is nothing to verify at all."""
        ...

    def verify(self, request: WebhookRequest, account: Account) -> None:
        """Raises ``Refused`` unless this account's carrier signed exactly this request."""
        ...

    def probe(self, url: str, account: Account, now: datetime) -> SignedProbe:
        """A word to our status URL, signed with the account's newest secret. Raises ``NotConfigured``."""
        ...

    def verify_socket(self, url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
        """The same for the media socket's handshake; ``url`` as given in the markup (``wss://``)."""
        ...

    def parse(self, hook: HookKind, request: WebhookRequest) -> WebhookReport:
        """A verified request in our words. Raises ``BadRequest``."""
        ...

    def answer(self, instructions: Sequence[Instruction]) -> Answer:
        """Markup for the carrier; raises ``ValueError`` for what it cannot express (our bug)."""
        ...

    def acknowledge(self) -> Answer:
        """The carrier's wanted answer to a callback that asks nothing."""
        ...

    def refusal(self, error: Exception, *, transient: bool = False) -> Answer:
        """The answer to a request not let in, or (``transient``) that we cannot serve just now."""
        ...

    def details(self, details: Details) -> dict[str, Any]:
        """``phoneCallProviderDetails``: the carrier's own create-call arguments, JSON."""
        ...

    @property
    def connect_failed(self) -> EndedReason:
        """The word of Vapi's page for "this carrier never connected the call"."""
        ...

    def serializer(self) -> MediaSerializer: ...

    def client(self, account: Account, *, timeout: float = 10.0) -> CarrierClient: ...
