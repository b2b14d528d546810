"""What the carrier's API says about a call's leg."""

from __future__ import annotations

import logging

from app.domain.calls.carrier_client import client_of
from app.domain.calls.record import Call
from app.domain.context import Context
from app.store.vault import WrongKey
from providers.base.rest import LegState
from providers.common.json_types import JsonObject
from providers.errors import ProviderError

log = logging.getLogger(__name__)


def leg_at_carrier(context: Context, call: Call, credential: JsonObject | None) -> LegState | None:
    """The leg's state at the carrier; None when it is unknown or the API cannot be asked."""
    leg = call.facts.leg_ref
    if credential is None or leg is None:
        return None
    try:
        return client_of(context, call, credential).fetch(leg, api_url=call.facts.api_url)
    except (ProviderError, WrongKey) as error:
        # An account without API access is valid: bypass mode. A lost key is the operator's to mend.
        log.log(
            logging.ERROR if isinstance(error, WrongKey) else logging.INFO,
            "call %s: the carrier cannot be asked: %s",
            call.id,
            error,
            extra={"callId": call.id},
        )
        return None
