"""Every carrier there is. Adding one: a folder like the others, a line here, one in ``app/settings.py``."""

from __future__ import annotations

from collections.abc import Mapping

from providers.base.carrier import Carrier
from providers.twilio import TWILIO
from providers.vonage import VONAGE

PROVIDERS: Mapping[str, Carrier] = {provider.name: provider for provider in (TWILIO, VONAGE)}
