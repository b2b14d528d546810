"""A use case's refusals. ``app/routes/errors.py`` gives each its HTTP status.

- DomainError: the base class.
- Invalid: the request has a field that cannot be used (400).
- Unauthorized: the client may not do this (401).
- NotFound: the organisation has no such object (404).
- Conflict: the request contradicts an earlier one (409).
- TooMany: the request exceeds a limit; a later one may pass (429).
"""

from __future__ import annotations


class DomainError(Exception):
    """Base of all refusals. ``str()`` is the message for the client."""

    @property
    def sentences(self) -> list[str]:
        """What is wrong, one fault each."""
        return [str(self)]


class Invalid(DomainError):
    """One sentence, or a list of sentences when several fields are wrong."""

    def __init__(self, messages: str | list[str]) -> None:
        super().__init__(messages if isinstance(messages, str) else "; ".join(messages))
        self.messages = messages

    @property
    def sentences(self) -> list[str]:
        return [self.messages] if isinstance(self.messages, str) else self.messages


class Unauthorized(DomainError):
    """No valid key or token. The answer does not say which one was wrong."""


class NotFound(DomainError):
    """The object does not exist or is another organisation's: the client cannot tell which."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"Couldn't Find {what}. `{id}` Does Not Exist.")
        self.what = what
        self.id = id


class Conflict(DomainError):
    """The same request will fail again."""


class TooMany(DomainError):
    """``retry_after``: whole seconds until another request is allowed."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
