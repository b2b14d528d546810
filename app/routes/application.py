"""Makes the Flask application of one running bridge.

The imported schemas list every carrier and vendor, so plugins must be loaded before.
"""

from __future__ import annotations

from flask import Flask

from app.routes import (
    analytics,
    assistants,
    calls,
    credentials,
    customers,
    docs,
    explain,
    files,
    health,
    hold_music,
    not_kept,
    openapi,
    phone_numbers,
    recordings,
    server_messages,
    squads,
    structured_outputs,
    tools,
    upstream,
    web_page,
)
from app.routes.access_log import init_access_log
from app.routes.json_body import MAX_BYTES
from app.routes.lean_flask import LeanFlask, OneSegment
from app.routes.validation import EXTENSION, RouteServices
from app.routes.webhooks import Webhooks

# The sections of the OpenAPI document, in its order.
API = (
    calls.blueprint,
    calls.control,
    server_messages.blueprint,
    recordings.blueprint,
    assistants.blueprint,
    squads.blueprint,
    tools.blueprint,
    phone_numbers.blueprint,
    customers.blueprint,
    structured_outputs.blueprint,
    files.blueprint,
    credentials.blueprint,
    analytics.blueprint,
    explain.blueprint,
    not_kept.blueprint,
)


def init_routes(services: RouteServices) -> Flask:
    """Make the application with every route.

    ``app/routes/errors.py`` registers the error handlers.
    """
    app = LeanFlask("app")
    app.extensions[EXTENSION] = services
    app.url_map.converters["default"] = OneSegment
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES
    if services.context.settings.access_log:
        init_access_log(app)
    for blueprint in (
        *API,
        health.blueprint,
        openapi.blueprint,
        docs.blueprint,
        web_page.blueprint,
        hold_music.blueprint,
        upstream.blueprint,
    ):
        app.register_blueprint(blueprint)
    Webhooks(services.context, services.legs, services.doors.signatures).register(
        app, services.providers
    )
    return app
