"""The log of pipecat is quiet in tests."""

from __future__ import annotations

from tests.assistants.local.conftest import quiet

__all__ = ["quiet"]
