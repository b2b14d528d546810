"""Every carrier there is. A carrier in this folder is one line here.

A carrier of another distribution is added by ``app/plugins.py`` (``docs/extending.md``).
"""

from __future__ import annotations

from providers.base.carrier import Carrier
from providers.twilio import TWILIO
from providers.vonage import VONAGE

PROVIDERS: dict[str, Carrier] = {carrier.name: carrier for carrier in (TWILIO, VONAGE)}


def add(carrier: Carrier) -> None:
    """One more carrier, for the whole process. Raises ``ValueError`` when its name is taken."""
    if carrier.name in PROVIDERS:
        raise ValueError(f"there is a carrier {carrier.name!r} already")
    PROVIDERS[carrier.name] = carrier
