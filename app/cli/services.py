"""The services of a command, from the environment's settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.wiring import Services


def services() -> Services:
    """Build the services from the environment's settings.

    A faulty one is a sentence, not a traceback.
    """
    from app import settings as settings_module
    from app.private_files import UMASK
    from app.telemetry import log_setup
    from app.wiring import Services
    from providers.errors import NotConfigured

    os.umask(UMASK)

    try:
        settings = settings_module.load()
        log_setup.configure(settings.log_level, settings.log_format)
        return Services(settings)
    except (settings_module.SettingsError, NotConfigured) as error:
        raise click.ClickException(str(error)) from error
