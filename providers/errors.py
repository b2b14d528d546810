"""What can go wrong with a carrier.

ProviderError
├── Refused                 a request that claims to come from the carrier is not let in (4xx)
│   ├── MissingSignature    it carries no signature at all
│   ├── InvalidSignature    it carries one that does not hold
│   └── NoSecret            we hold no secret of that account: nothing can be verified
├── BadRequest              verified, but not a request this carrier can have sent (400)
├── NotConfigured           the account lacks what this action needs; says which setting
└── CarrierError            the carrier's API refused or failed; ``permanent`` says if again can help
"""

from __future__ import annotations


class ProviderError(Exception):
    """Base of all of a carrier's errors. ``str()`` is written for the operator."""


class Refused(ProviderError):
    """The request is not let in. Nothing of it may be stored or acted on."""


class MissingSignature(Refused):
    """The request has no signature."""


class InvalidSignature(Refused):
    """The request's signature does not hold for this account, URL and body."""


class NoSecret(Refused):
    """No secret is known for the account the request names."""


class BadRequest(ProviderError):
    """Signed, but malformed."""


class NotConfigured(ProviderError):
    """The account has not what the action needs."""


class CarrierError(ProviderError):
    """The carrier's API answered with an error, or not at all.

    ``permanent``: the same request would fail again. ``gone``: the leg is already over,
    which whoever wanted to end it counts as success. ``code``: the carrier's own code.
    ``busy``: too many requests; the carrier did nothing, and the same may succeed later.
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
