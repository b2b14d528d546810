"""SENTRY_DSN: errors of the log go to a Sentry project as well.

No other file imports Sentry's SDK. It sends neither variables of a traceback nor what surrounds an
error, because both hold secrets and callers' words. https://docs.sentry.io/platforms/python/
"""

from __future__ import annotations

import logging

from app.environment import SettingsError

NOT_INSTALLED = "SENTRY_DSN needs Sentry's SDK: pip install 'patchbay[sentry]'"


def configure(dsn: str | None) -> None:
    """Send the log's errors to this address, if there is one. Raises ``SettingsError``."""
    if dsn is None:
        return
    try:
        import sentry_sdk
        from sentry_sdk.integrations.atexit import AtexitIntegration
        from sentry_sdk.integrations.logging import LoggingIntegration
        from sentry_sdk.utils import BadDsn
    except ImportError as error:
        raise SettingsError(NOT_INSTALLED) from error
    try:
        sentry_sdk.init(
            dsn,
            integrations=[
                LoggingIntegration(level=None, event_level=logging.ERROR),
                AtexitIntegration(callback=lambda pending, timeout: None),
            ],
            default_integrations=False,
            auto_enabling_integrations=False,
            send_default_pii=False,
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
        )
    except BadDsn as error:
        raise SettingsError(f"SENTRY_DSN is not an address of Sentry: {error}") from error
