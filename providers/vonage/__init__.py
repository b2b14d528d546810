"""Vonage: the parts of this folder as one ``Carrier``."""

from __future__ import annotations

from providers.base.carrier import Carrier
from providers.vonage import config, ncco, number_settings, pasted, signature, webhooks
from providers.vonage.media import VonageSerializer
from providers.vonage.rest import VonageClient

VONAGE = Carrier(
    name=config.NAME,
    hooks=config.HOOKS,
    settings=config.SETTINGS,
    number_fields=config.NUMBER_FIELDS,
    config=config,
    signature=signature,
    webhooks=webhooks,
    markup=ncco,
    serializer=VonageSerializer,
    client=VonageClient,
    never_answered=config.NEVER_ANSWERED,
    connect_failed=config.CONNECT_FAILED,
    records_in_markup=True,
    proof_headers=("authorization",),
    # Its Voice Inspector has no documented address of one call: it is searched for there.
    console_url="https://dashboard.vonage.com/",
    console_fields=number_settings.FIELDS,
    pasted=pasted,
    simulator="providers.vonage.simulator",
)
