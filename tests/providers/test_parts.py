"""Who knows one carrier's folder knows all: the same files, but for the markup's own name."""

from __future__ import annotations

from pathlib import Path

import pytest

import providers
from providers.registry import PROVIDERS

FOLDER = Path(providers.__file__).parent
PARTS = frozenset(
    [
        "__init__",
        "config",
        "signature",
        "webhooks",
        "payload",
        "statuses",
        "event",
        "rest",
        "sdk",
        "leg_state",
        "number_settings",
        "media",
    ]
)
MARKUPS = frozenset({"twiml", "ncco"})


@pytest.mark.parametrize("carrier", PROVIDERS)
def test_its_folder_has_the_parts_every_carrier_has(carrier: str) -> None:
    found = {path.stem for path in (FOLDER / carrier).glob("*.py")}
    assert found >= PARTS
    assert len(found & MARKUPS) == 1
