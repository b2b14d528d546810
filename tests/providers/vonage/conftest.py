"""What several files here stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.base.rest import CarrierClient
from providers.vonage import VONAGE
from tests.providers.vonage.api import StandIn, account, standing_in


@pytest.fixture
def vonage() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def client(vonage: StandIn) -> CarrierClient:
    return VONAGE.client(account(vonage.url), timeout=5)
