"""Reads the environment: one kind of value each, checked. ``app/settings/`` says which there are.

Gunicorn's master imports this file, and loads nothing of the program that a reload replaces.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit


class SettingsError(Exception):
    """A setting is wrong; the message names it and the expected value."""


class Reader:
    """The values of one environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def drain_seconds(self) -> float:
        return self.number("DRAIN_SECONDS", 20, 0, 86400)

    def log_format(self) -> str:
        return self.choice("LOG_FORMAT", "text", ("text", "json"))

    # -- one kind of value each

    def text(self, name: str) -> str | None:
        value = self.environ.get(name, "").strip()
        return value or None

    def secret(self, name: str) -> str | None:
        path = self.text(f"{name}_FILE")
        if path is None:
            return self.text(name)
        try:
            return Path(path).read_text().strip() or None
        except OSError as error:
            raise SettingsError(f"{name}_FILE cannot be read: {error}") from error

    def words(self, name: str) -> tuple[str, ...]:
        return _split(self.text(name))

    def words_secret(self, name: str) -> tuple[str, ...]:
        return _split(self.secret(name))

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name) or default
        if value not in allowed:
            raise SettingsError(f"{name} must be one of {', '.join(allowed)}; it is {value!r}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = (self.text(name) or str(default)).lower()
        if value not in {"1", "0", "true", "false", "yes", "no"}:
            raise SettingsError(f"{name} must be 1 or 0; it is {value!r}")
        return value in {"1", "true", "yes"}

    def number(self, name: str, default: float, low: float, high: float) -> float:
        text = self.text(name) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise SettingsError(f"{name} must be a number from {low} to {high}; it is {text!r}")
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.number(name, default, low, high)
        if value != int(value):
            raise SettingsError(f"{name} must be a whole number; it is {value}")
        return int(value)

    def url(self, name: str, default: str | None, schemes: tuple[str, ...]) -> str | None:
        """A base address: paths are added to it, so it has neither a query nor a last slash."""
        value = self.text(name) or default
        return None if value is None else self.checked_url(name, value, schemes)

    def target_url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        """A target address: it is called as it is, with its last slash and its query."""
        value = self.text(name)
        return None if value is None else self.absolute_url(name, value, schemes)

    def checked_url(self, name: str, value: str, schemes: tuple[str, ...]) -> str:
        if "?" in value:
            raise SettingsError(f"{name} must be without a query, paths are added; it is {value!r}")
        return self.absolute_url(name, value, schemes).rstrip("/")

    def absolute_url(self, name: str, value: str, schemes: tuple[str, ...]) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.hostname or "#" in value:
            raise SettingsError(
                f"{name} must be an absolute URL ({' or '.join(schemes)}) without a fragment; it is {value!r}"
            )
        return value


def drain_seconds() -> float:
    """DRAIN_SECONDS alone, for the web server's master."""
    return Reader(os.environ).drain_seconds()


def log_format() -> str:
    """LOG_FORMAT alone, for the web server's master."""
    return Reader(os.environ).log_format()


def _split(value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())
