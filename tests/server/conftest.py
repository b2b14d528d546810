"""The application that is served."""

from __future__ import annotations

from tests.routes.conftest import app, services

__all__ = ["app", "services"]
