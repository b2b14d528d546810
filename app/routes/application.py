"""``init_routes`` makes the Flask application of one running bridge.

The schemas it imports list every carrier and vendor, so that plugins must be loaded before.
"""

from __future__ import annotations

from flask import Flask

from app.routes import (
    assistants,
    calls,
    credentials,
    customers,
    docs,
    health,
    openapi,
    phone_numbers,
    recordings,
)
from app.routes.auth import EXTENSION as KEYS
from app.routes.auth import Keys
from app.routes.json_body import MAX_BYTES
from app.routes.validation import EXTENSION, RouteServices
from app.routes.webhooks import Webhooks

API = (
    calls.blueprint,
    calls.control,
    recordings.blueprint,
    assistants.blueprint,
    phone_numbers.blueprint,
    customers.blueprint,
    credentials.blueprint,
)
"""What the OpenAPI document shows, in its order."""


def init_routes(services: RouteServices) -> Flask:
    """The application with every route. Errors are registered apart (``app/routes/errors.py``)."""
    app = Flask("app")
    app.extensions[EXTENSION] = services
    app.extensions[KEYS] = Keys(services.context.store)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES
    for blueprint in (*API, health.blueprint, openapi.blueprint, docs.blueprint):
        app.register_blueprint(blueprint)
    Webhooks(services.context, services.legs).register(app, services.providers)
    return app
