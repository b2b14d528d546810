"""An application for a server of its own process: everything real but the domain."""

from __future__ import annotations

from app.server.asgi import build
from tests.media.domain import Domain
from tests.media.server import QUICK, hosting

application = build(hosting(Domain()), QUICK)
