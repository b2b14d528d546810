"""The application whose stored values a command reads."""

from __future__ import annotations

from tests.routes.conftest import api, app, other

__all__ = ["api", "app", "other"]
