"""The application that Vapi's programs ask."""

from __future__ import annotations

from tests.routes.conftest import app

__all__ = ["app"]
