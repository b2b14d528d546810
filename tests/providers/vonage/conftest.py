"""What several files here stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.base.rest import CarrierClient
from providers.vonage import VONAGE
from tests.fakes.carriers.rest_api import RestApi, serving
from tests.providers.vonage.api import account


@pytest.fixture
def vonage() -> Iterator[RestApi]:
    with serving() as api:
        yield api


@pytest.fixture
def client(vonage: RestApi) -> CarrierClient:
    return VONAGE.client(account(vonage.url), timeout=30)
