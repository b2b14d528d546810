"""An application for a server of its own process: everything real but the domain."""

from __future__ import annotations

from types import SimpleNamespace

from flask import Flask

from app.assistants import BACKENDS
from app.server.asgi import build
from providers.registry import PROVIDERS
from tests.media.harness import QUICK, Domain

flask = Flask("tests")
flask.extensions["patchbay"] = SimpleNamespace(
    media=Domain(),
    providers=PROVIDERS,
    backends=BACKENDS,
    context=SimpleNamespace(media_wakers=[]),
    start=lambda: None,
    stop=lambda: None,
    talks=False,
)
application = build(flask, QUICK)
