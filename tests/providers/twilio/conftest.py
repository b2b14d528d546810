"""What several files here stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.carriers.rest_api import RestApi, serving
from tests.providers.twilio.api import ACCEPTED


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as api:
        api.says(201, ACCEPTED)
        yield api
