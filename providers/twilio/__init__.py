"""Twilio: one object that joins the parts of this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.base.carrier import Carrier
from providers.base.instructions import Answer, Details, Instruction
from providers.base.media import MediaSerializer
from providers.base.rest import Account, CarrierClient, SignedProbe
from providers.base.webhook import HookKind, WebhookReport, WebhookRequest
from providers.twilio import config, media, rest, signature, twiml, webhooks

__all__ = ["TWILIO"]


class Twilio:
    """Twilio, as ``providers.base.carrier.Carrier`` describes a carrier. Holds no state."""

    name = config.NAME
    hooks = config.HOOKS
    number_fields = config.NUMBER_FIELDS
    return_hosts = config.RETURN_HOSTS
    connect_failed = config.CONNECT_FAILED
    records_in_markup = False

    def account(self, ref: str, secrets: Mapping[str, Any]) -> Account:
        return config.account(ref, secrets)

    def credential(self, body: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        return config.credential(body)

    def claimed_account(self, request: WebhookRequest) -> str | None:
        return signature.claimed_account(request)

    def verify(self, request: WebhookRequest, account: Account) -> None:
        signature.verify(request, account)

    def probe(self, url: str, account: Account, now: datetime) -> SignedProbe:
        return signature.probe(url, account, now)

    def verify_socket(self, url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
        signature.verify_socket(url, headers, account)

    def parse(self, hook: HookKind, request: WebhookRequest) -> WebhookReport:
        return webhooks.parse(hook, request)

    def answer(self, instructions: Sequence[Instruction]) -> Answer:
        return twiml.answer(instructions)

    def acknowledge(self) -> Answer:
        return twiml.acknowledge()

    def refusal(self, error: Exception, *, transient: bool = False) -> Answer:
        return twiml.refusal(error, transient=transient)

    def details(self, details: Details) -> dict[str, Any]:
        return twiml.details(details)

    def serializer(self) -> MediaSerializer:
        return media.TwilioSerializer()

    def client(self, account: Account, *, timeout: float = 10.0) -> CarrierClient:
        return rest.TwilioClient(account, timeout=timeout)


TWILIO: Carrier = Twilio()
