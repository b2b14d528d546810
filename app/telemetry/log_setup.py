"""Logging to standard error, one line per event, as text or as JSON.

The program never passes a secret, token, phone number or transcript to a logger.
"""

from __future__ import annotations

import logging
import sys

from app.telemetry.json_log import JsonLines
from providers.registry import PROVIDERS

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# Libraries whose INFO lines are noise here.
QUIET = ("procrastinate", "alembic", "urllib3", "websockets")


def configure(level: str, form: str) -> None:
    """Set up logging, once per process.

    A program that embeds the app and has its own logging is left alone. ``form``: ``text`` or
    ``json``.
    """
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(FORMAT))
        root.addHandler(handler)
        logging.captureWarnings(form == "json")  # Python itself prints warnings as text
    logging.getLogger("app").setLevel(level)
    logging.getLogger("providers").setLevel(level)
    for name in (*QUIET, *PROVIDERS):  # a carrier's SDK logs under the carrier's name
        logging.getLogger(name).setLevel(logging.WARNING)
