"""Vonage. Nothing is decided here: the object joins the parts and keeps the tokens seen of late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.base.carrier import Carrier
from providers.base.instructions import Answer, Details, Instruction
from providers.base.media import MediaSerializer
from providers.base.rest import Account, CarrierClient, SignedProbe
from providers.base.webhook import HookKind, WebhookReport, WebhookRequest
from providers.events import EndedReason
from providers.vonage import config, ncco, signature, webhooks
from providers.vonage.media import VonageSerializer
from providers.vonage.rest import VonageClient


class Vonage:
    """Satisfies ``providers.base.carrier.Carrier``; what each method promises is written there."""

    name = config.NAME
    hooks = config.HOOKS
    number_fields = config.NUMBER_FIELDS
    return_hosts = config.RETURN_HOSTS
    records_in_markup = True

    def __init__(self) -> None:
        self._replays = signature.Replays()

    @property
    def connect_failed(self) -> EndedReason:
        return config.CONNECT_FAILED

    def account(self, ref: str, secrets: Mapping[str, Any]) -> Account:
        return config.account(ref, secrets)

    def credential(self, body: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        return config.credential(body)

    def claimed_account(self, request: WebhookRequest) -> str | None:
        return signature.claimed_account(request)

    def verify(self, request: WebhookRequest, account: Account) -> None:
        signature.verify(request, account, self._replays)

    def probe(self, url: str, account: Account, now: datetime) -> SignedProbe:
        return signature.probe(url, account, now)

    def verify_socket(self, url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
        signature.verify_socket(url, headers, account)

    def parse(self, hook: HookKind, request: WebhookRequest) -> WebhookReport:
        return webhooks.parse(hook, request)

    def answer(self, instructions: Sequence[Instruction]) -> Answer:
        return ncco.answer(instructions)

    def acknowledge(self) -> Answer:
        return ncco.acknowledge()

    def refusal(self, error: Exception, *, transient: bool = False) -> Answer:
        return ncco.refusal(error, transient=transient)

    def details(self, details: Details) -> dict[str, Any]:
        return ncco.details(details)

    def serializer(self) -> MediaSerializer:
        return VonageSerializer()

    def client(self, account: Account, *, timeout: float = 10.0) -> CarrierClient:
        return VonageClient(account, timeout=timeout)


VONAGE: Carrier = Vonage()
