"""The media engine is quiet in tests."""

from __future__ import annotations

import pytest
from loguru import logger


@pytest.fixture(autouse=True, scope="session")
def quiet() -> None:
    """Its own log goes to stderr, whatever pytest captures."""
    logger.remove()
