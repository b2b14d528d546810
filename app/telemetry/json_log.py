"""The log as JSON, one object a line, for LOG_FORMAT=json.

Imported by gunicorn's master as well, which loads nothing else of the application.
"""

from __future__ import annotations

import logging

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

JSON_NAMES = {"levelname": "level", "name": "logger", "exc_info": "exception"}
"""The logging module's names, and the fields of a JSON line for which the library has others."""
JSON_FIELDS = (
    "time",
    "level",
    "logger",
    "process",
    "message",
    "exception",
    "callId",
    "messageId",
    "recordingId",
    "credentialId",
)
"""No other field is written: libraries attach objects and their jobs' payloads to their lines."""
SERVER = ("gunicorn.error", "gunicorn.access")
"""The web server's loggers, with handlers of their own; uvicorn's take theirs from them."""


class JsonLines(JsonFormatter):
    """One JSON object a line."""

    def __init__(self) -> None:
        wanted = ["levelname", "name", "process", "message"]
        super().__init__(wanted, timestamp="time", rename_fields=JSON_NAMES)

    def process_log_record(self, log_data: LogData) -> LogData:
        return {name: log_data[name] for name in JSON_FIELDS if name in log_data}


def configure_server() -> None:
    """For gunicorn's own lines, which begin before there is an application."""
    for name in SERVER:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(JsonLines())
