"""What a use case refuses. HTTP gives each its status (``app/routes/errors.py``).

DomainError
├── Invalid        what was asked cannot be done as it was asked (400)
├── Unauthorized   the caller may not do this (401)
├── NotFound       there is no such thing in this organisation (404)
├── Conflict       it contradicts what was done before (409)
└── TooMany        more than a limit allows: later (429)
"""

from __future__ import annotations


class DomainError(Exception):
    """Base of all refusals. ``str()`` is written for the client."""


class Invalid(DomainError):
    """One sentence, or a list of them where several fields are wrong."""

    def __init__(self, messages: str | list[str]) -> None:
        super().__init__(messages if isinstance(messages, str) else "; ".join(messages))
        self.messages = messages


class Unauthorized(DomainError):
    """No key or token that opens this. The answer does not say which of them was wrong."""


class NotFound(DomainError):
    """Unknown here, or another organisation's: the caller cannot tell which."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"Couldn't Find {what}. `{id}` Does Not Exist.")
        self.what = what
        self.id = id


class Conflict(DomainError):
    """The same request cannot be made good by sending it again."""


class TooMany(DomainError):
    """``retry_after``: whole seconds until one more is allowed."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
