"""The use cases with a model, which each file that asks one serves (``served``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.settings import Settings, VendorSettings
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.vendors.chat import Chat


@pytest.fixture
def chat(served: Chat) -> Chat:
    served.asked.clear()
    served.faults.clear()
    return served


@pytest.fixture
def both(settings: Settings, chat: Chat) -> Iterator[tuple[Domain, RestApi]]:
    vendor = VendorSettings("openai", "key", f"{chat.url}/v1")
    with domain(replace(settings, vendors=(vendor,))) as made:
        yield made
