"""The application that the doctor examines."""

from __future__ import annotations

from tests.routes.conftest import api, app, other

__all__ = ["api", "app", "other"]
