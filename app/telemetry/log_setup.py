"""Logging: one line per thing worth an operator's eye, to standard error.

No secret, token, phone number or transcript is ever passed to a logger in this program.
"""

from __future__ import annotations

import logging
import sys

from providers.registry import PROVIDERS

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
QUIET = ("procrastinate", "alembic", "urllib3", "websockets", *PROVIDERS)
"""Libraries whose INFO is noise here; a carrier's SDK logs under the carrier's name."""


def configure(level: str) -> None:
    """Once per process; a program that embeds the app and set logging up itself is left alone."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
    logging.getLogger("app").setLevel(level)
    logging.getLogger("providers").setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
