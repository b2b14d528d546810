"""Logging: one line per thing worth an operator's eye, to standard error, as text or as JSON.

No secret, token, phone number or transcript is ever passed to a logger in this program.
"""

from __future__ import annotations

import logging
import sys

from app.telemetry.json_log import JsonLines
from providers.registry import PROVIDERS

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
QUIET = ("procrastinate", "alembic", "urllib3", "websockets")
"""Libraries whose INFO is noise here."""


def configure(level: str, form: str) -> None:
    """Once per process; a program that embeds the app and set logging up itself is left alone.

    ``form``: ``text`` or ``json``.
    """
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(FORMAT))
        root.addHandler(handler)
        logging.captureWarnings(form == "json")  # by itself Python prints them as text
    logging.getLogger("app").setLevel(level)
    logging.getLogger("providers").setLevel(level)
    for name in (*QUIET, *PROVIDERS):  # a carrier's SDK logs under the carrier's name
        logging.getLogger(name).setLevel(logging.WARNING)
