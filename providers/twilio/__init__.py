"""Twilio: the parts of this folder as one ``Carrier``."""

from __future__ import annotations

from providers.base.carrier import Carrier
from providers.twilio import config, number_settings, pasted, signature, twiml, webhooks
from providers.twilio.media import TwilioSerializer
from providers.twilio.relay import SPEECH
from providers.twilio.rest import TwilioClient
from providers.twilio.stream_client import open_stream

TWILIO = Carrier(
    name=config.NAME,
    hooks=config.HOOKS,
    settings=config.SETTINGS,
    number_fields=config.NUMBER_FIELDS,
    config=config,
    signature=signature,
    webhooks=webhooks,
    markup=twiml,
    serializer=TwilioSerializer,
    client=TwilioClient,
    speech=SPEECH,
    return_hosts=config.RETURN_HOSTS,
    never_answered=config.NEVER_ANSWERED,
    connect_failed=config.CONNECT_FAILED,
    proof_headers=config.PROOF_HEADERS,
    console_url="https://www.twilio.com/console/voice/calls/logs/{call}",
    console_fields=number_settings.FIELDS,
    pasted=pasted,
    open_stream=open_stream,
    refers=True,
    simulator="providers.twilio.simulator",
)
