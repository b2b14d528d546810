"""All carriers. A carrier in this folder is one line here.

``app/plugins.py`` adds a carrier of another distribution (``docs/extending.md``).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping

from providers.base.carrier import Carrier
from providers.twilio import TWILIO
from providers.vonage import VONAGE
from providers.web import WEB

PROVIDERS: dict[str, Carrier] = {carrier.name: carrier for carrier in (TWILIO, VONAGE)}

ALL: Mapping[str, Carrier] = ChainMap({WEB.name: WEB}, PROVIDERS)
"""The carriers, and at the end ourselves: what serves calls from a browser."""

SIMULATORS = {name: carrier.simulator for name, carrier in PROVIDERS.items() if carrier.simulator}
"""Name of a carrier in this folder -> the module that simulates it."""


def add(name: str, carrier: object) -> None:
    """Add a carrier for the whole process. A second call with the same one has no effect.

    Raises ``TypeError`` for another type, ``ValueError`` for a name that is taken or wrong.
    """
    if not isinstance(carrier, Carrier):
        raise TypeError("it is not a Carrier")
    if carrier.name != name:
        raise ValueError(f"the carrier is called {carrier.name!r}")
    if name == WEB.name:
        raise ValueError(f"{name!r} is the name of calls from a browser")
    if PROVIDERS.setdefault(name, carrier) is not carrier:
        raise ValueError(f"there is a carrier {name!r} already")
