"""The media engine logs to stderr whatever its user's settings are; here nobody reads it."""

from __future__ import annotations

from loguru import logger

logger.remove()
