"""Errors of a carrier's webhooks and API.

- ProviderError: the base class.
- Refused: a webhook is not accepted as the carrier's (4xx).
- MissingSignature, a Refused: the webhook has no signature.
- InvalidSignature, a Refused: the signature is wrong.
- NoSecret, a Refused: the account has no secret to verify with.
- BadRequest: the signature is right, but the carrier cannot have sent this request (400).
- NotConfigured: the account lacks a setting, which the message names.
- CarrierError: the carrier's API refused or failed. ``permanent``: a retry cannot help.
"""

from __future__ import annotations


class ProviderError(Exception):
    """Base of a carrier's errors. ``str()`` is the message for the operator."""


class Refused(ProviderError):
    """The request is refused. Its content must not be stored or used."""


class MissingSignature(Refused):
    """The request has no signature."""


class InvalidSignature(Refused):
    """The request's signature is wrong for this account, URL and body."""


class NoSecret(Refused):
    """No secret is stored for the account that the request names."""


class BadRequest(ProviderError):
    """The request is signed, but malformed."""


class NotConfigured(ProviderError):
    """The account lacks a setting that the action needs."""


class CarrierError(ProviderError):
    """The carrier's API answered with an error, or not at all.

    ``permanent``: the same request would fail again. ``gone``: the leg is already over, so a
    hang-up counts as done. ``code``: the carrier's own code.
    ``busy``: too many requests; the carrier did nothing, and a later request may succeed.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        gone: bool = False,
        busy: bool = False,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.gone = gone
        self.busy = busy
        self.code = code
