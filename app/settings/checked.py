"""Values that the program sends to others: addresses and secrets, checked as their senders do."""

from __future__ import annotations

import re

from app.environment import Reader, SettingsError
from app.net.addresses import BadURL, check_url
from app.net.headers import value_problem


class CheckedReader(Reader):
    """The values of one environment, of these kinds too."""

    def header(self, name: str) -> str | None:
        """A secret that is sent as a header, or a part of one."""
        return _sendable(name, self.secret(name))

    def header_text(self, name: str) -> str | None:
        return _sendable(name, self.text(name))

    def absolute_url(self, name: str, value: str, schemes: tuple[str, ...]) -> str:
        """Also checked by the code that will call it. The operator's own may be private."""
        try:
            found = super().absolute_url(name, value, schemes)
            check_url(re.sub("^ws", "http", found), allow_private=True)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}; it is {value!r}") from error
        return found

    def called_url(self, name: str) -> str | None:
        """A server of the operator's that gets requests of ours."""
        url = self.target_url(name, ("http", "https"))
        try:
            if url:
                check_url(url, self.flag("ALLOW_PRIVATE_SERVER_URLS", False))
        except BadURL as error:
            raise SettingsError(
                f"{name}: {error}; change it, or set ALLOW_PRIVATE_SERVER_URLS=1"
            ) from error
        return url


def _sendable(name: str, value: str | None) -> str | None:
    problem = value_problem(value) if value else None
    if problem:
        raise SettingsError(f"{name} {problem}")
    return value
