"""The errors that a fail-point raises: those that the step's caller knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.exc import OperationalError

from app.net.http import SendError
from providers.errors import CarrierError

Fault = Callable[[str], Exception]


def _of_store(text: str) -> Exception:
    return OperationalError(text, None, Exception(text))


FAULTS: Mapping[str, Fault] = {
    "store": _of_store,
    "carrier": lambda text: CarrierError(text, permanent=False),
    "receiver": lambda text: SendError(text, timed_out=True),
    "other": RuntimeError,
}
"""By ``Step.fault``. Each says that nothing is known of the outcome."""
