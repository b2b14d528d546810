"""Patchbay: a voice assistant in a phone call that another application's flow owns.

``create_app`` is the only place where the parts are joined.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The Flask application. ``app.extensions["patchbay"]`` is its :class:`~app.wiring.Services`.

    It opens no connection: ``Services.start()`` does. Raises ``SettingsError``.
    """
    from app import settings as settings_module

    settings = settings or settings_module.load()  # before the routes: it loads plugins
    from app.cli import main as cli
    from app.dashboard.application import init_dashboard
    from app.routes.application import init_routes
    from app.routes.errors import init_errors
    from app.telemetry import log_setup, sentry, tracing
    from app.wiring import Services

    log_setup.configure(settings.log_level, settings.log_format)
    sentry.configure(settings.sentry_dsn)
    tracing.configure(os.environ)
    if settings.failpoints:  # before the services, which hold on to the functions
        from app.failpoints.install import install

        install(settings.failpoints)
    app = init_routes(Services(settings))
    init_dashboard(app)
    init_errors(app)
    for command in cli.COMMANDS:
        app.cli.add_command(command)
    return app
