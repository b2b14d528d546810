"""Settings: read from the environment once, checked, and passed on as one object.

A wrong value stops the start with a sentence that names its variable. A secret may also be in a
file, whose path is in ``NAME_FILE``. The table of all variables is in docs/settings.md, which a
test compares with this folder.
"""

from __future__ import annotations

from app.environment import SettingsError
from app.settings.carriers import CarrierSettings
from app.settings.reader import load
from app.settings.values import (
    ASSISTANT_DEFAULT_SECONDS,
    BACKENDS,
    DELIVERY_SCHEDULE,
    Settings,
    is_local,
)
from app.settings.vendors import VendorSettings

__all__ = [
    "ASSISTANT_DEFAULT_SECONDS",
    "BACKENDS",
    "DELIVERY_SCHEDULE",
    "CarrierSettings",
    "Settings",
    "SettingsError",
    "VendorSettings",
    "is_local",
    "load",
]
