"""Twilio's SDK within our limits: one host, one send per request, a timeout.

It is imported at its first use. TWILIO_REGION and TWILIO_EDGE, which the SDK reads from the
environment, have no effect. Every request goes to ``Account.api_url``, or to api.twilio.com. URLs
are not logged, because they may hold a phone number.
https://www.twilio.com/docs/libraries/reference/twilio-python/
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from providers.base.rest import Account
from providers.errors import CarrierError, NotConfigured

if TYPE_CHECKING:
    from twilio.http import HttpClient  # type: ignore[import-untyped]
    from twilio.rest import Client as Rest  # type: ignore[import-untyped]

# No such call; the call is not in progress. For a hangup both mean that the leg is over.
# https://www.twilio.com/docs/api/errors/21220
NOT_FOUND_CODES = frozenset({"20404", "21220"})

# Refusals that concern the moment, not the request.
_AGAIN = frozenset({408, 425, 429})


def client(account: Account, api_url: str, timeout: float) -> Rest:
    """The SDK's client of one account. Raises ``NotConfigured``."""
    from twilio.rest import Client

    logging.getLogger("twilio").setLevel(logging.WARNING)
    name, secret = login(account)
    return Client(name, secret, account.ref, http_client=_http_client(api_url, timeout))


def login(account: Account) -> tuple[str, str]:
    """The API key if the account has one, else its newest auth token."""
    secrets = account.secrets
    if secrets.get("apiKey") and secrets.get("apiSecret"):
        return secrets["apiKey"], secrets["apiSecret"]
    if not secrets.get("authTokens"):
        raise NotConfigured(f"Twilio account {account.ref} has no authTokens and no apiKey")
    return account.ref, secrets["authTokens"][0]


def _http_client(api_url: str, timeout: float) -> HttpClient:
    """The SDK's HTTP client, fixed to one address. The SDK's default has no timeout."""
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]

    from providers.common.tls_adapter import TlsAdapter

    base = urlsplit(api_url)

    class Rebased(TwilioHttpClient):  # type: ignore[misc]
        def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
            parts = urlsplit(url)
            path = base.path.rstrip("/") + parts.path
            target = urlunsplit((base.scheme, base.netloc, path, parts.query, ""))
            return super().request(method, target, *args, **more)

    http = Rebased(timeout=timeout)
    http.session.mount("https://", TlsAdapter(max_retries=0))
    return http


@contextmanager
def translated() -> Iterator[None]:
    """Translate the SDK's two unrelated API errors, and the transport's errors."""
    from requests import RequestException
    from twilio.base.exceptions import (  # type: ignore[import-untyped]
        TwilioException,
        TwilioRestException,
        TwilioServiceException,
    )

    try:
        yield
    except TwilioRestException as error:
        raise _refused(error.status, error.code, error.msg) from error
    except TwilioServiceException as error:
        raise _refused(error.status, error.code, error.detail or error.title) from error
    except TwilioException as error:
        raise _refused_page(error) from error
    except RequestException as error:
        kind = type(error).__name__
        raise CarrierError(f"Twilio's API cannot be reached: {kind}", permanent=False) from error
    except (ValueError, TypeError, AttributeError) as error:
        # A proxy's page, or JSON that is not an object: the SDK does not check.
        raise CarrierError("Twilio's API answered with no JSON object", permanent=False) from error


def _refused_page(error: Exception) -> CarrierError:
    """Translate a refused list, which comes with the raw response.

    The SDK's own refusals have none.
    """
    response: Any = error.args[1] if len(error.args) > 1 else None
    if (status := getattr(response, "status_code", None)) is None:
        return CarrierError(f"Twilio's SDK refused: {error}", permanent=True)
    try:
        body = json.loads(response.text)
    except ValueError:
        body = None
    told = body if isinstance(body, dict) else {}
    return _refused(status, told.get("code"), str(told.get("message") or "no explanation")[:300])


def _refused(status: int, code: int | None, message: str) -> CarrierError:
    word = str(code) if code else None
    return CarrierError(
        f"Twilio answered {status}{f' ({word})' if word else ''}: {message}",
        permanent=400 <= status < 500 and status not in _AGAIN,
        gone=status == 404 or word in NOT_FOUND_CODES,
        busy=status == 429,
        code=word,
    )
