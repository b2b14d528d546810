"""The log as JSON, one object a line, for LOG_FORMAT=json.

Gunicorn's master imports this file as well, and loads no other part of the application.
"""

from __future__ import annotations

import logging

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

# The logging module's names, and the JSON fields that are called differently.
JSON_NAMES = {"levelname": "level", "name": "logger", "exc_info": "exception"}
# Other fields are left out: libraries attach objects and their jobs' payloads to their lines.
JSON_FIELDS = (
    "time",
    "level",
    "logger",
    "process",
    "message",
    "exception",
    "callId",
    "phoneCallProviderId",
    "endedReason",
    "attempt",
    "statusCode",
    "messageId",
    "recordingId",
    "credentialId",
)
# The web server's loggers, with handlers of their own. uvicorn's use the same handlers.
SERVER = ("gunicorn.error", "gunicorn.access")


class JsonLines(JsonFormatter):
    """Formats one JSON object a line."""

    def __init__(self) -> None:
        wanted = ["levelname", "name", "process", "message"]
        super().__init__(wanted, timestamp="time", rename_fields=JSON_NAMES)

    def process_log_record(self, log_data: LogData) -> LogData:
        return {name: log_data[name] for name in JSON_FIELDS if name in log_data}


def configure_server() -> None:
    """Format gunicorn's own lines, which begin before the application exists."""
    for name in SERVER:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(JsonLines())
