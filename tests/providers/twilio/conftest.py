"""What several files here stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.twilio.api import Api, standing_in


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with standing_in() as api:
        yield api
