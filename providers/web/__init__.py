"""Calls without a carrier: a browser or a program opens the media socket itself.

It has the parts of a carrier, so that every rule about calls holds for these calls too.
``docs/web-calls.md`` describes its requests and messages.
"""

from __future__ import annotations

from providers.base.carrier import Carrier, NumberFields
from providers.events import EndedReason
from providers.web import config, markup, signature, webhooks
from providers.web.client import WebClient
from providers.web.media import FORMATS, PcmSerializer

WEB = Carrier(
    name=config.NAME,
    hooks=config.HOOKS,
    settings=(),
    number_fields=NumberFields(number="", account_ref=None),
    config=config,
    signature=signature,
    webhooks=webhooks,
    markup=markup,
    serializer=PcmSerializer,
    client=WebClient,
    phone=False,
    formats=FORMATS,
    no_call=EndedReason.CUSTOMER_DID_NOT_ANSWER,
)
