"""A browser signs nothing: the token in the URL proves its call (``app/domain/legs/auth.py``).

So nothing here lets a request in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from providers.base.rest import Account, SignedProbe
from providers.base.webhook import WebhookRequest
from providers.errors import NoSecret, NotConfigured

NO_SECRET = "calls from a browser have no secret to sign with"  # noqa: S105


def claimed_account(request: WebhookRequest) -> str | None:
    """None: no request names an account."""
    return None


def verify(request: WebhookRequest, account: Account) -> None:
    """Raises ``NoSecret``."""
    raise NoSecret(NO_SECRET)


def verify_socket(url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
    """Raises ``NoSecret``."""
    raise NoSecret(NO_SECRET)


def probe(url: str, account: Account, now: datetime) -> SignedProbe:
    """Raises ``NotConfigured``."""
    raise NotConfigured(NO_SECRET)
