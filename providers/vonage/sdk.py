"""Vonage's SDK within our limits: one send per request, a timeout, no token in a log.

It is imported at its first use, which takes over a second. Three of its habits are switched off.
After a dropped connection it sends a create up to ten times. It logs our tokens at debug level. It
reads the private key again for each token.
https://github.com/Vonage/vonage-python-sdk
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from providers.base.rest import Account
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured

CONNECTIONS = 10

# Refusals, beside 5xx, of requests that may succeed later. 429: three creates in a second.
TRANSIENT = frozenset({408, 425, 429})


class ApplicationKey(NamedTuple):
    """An application's private key, in both forms that the SDK takes."""

    pem: str
    """PKCS#8."""
    read: Any
    """The same as an object, which signs at once."""


def application(account: Account) -> tuple[str, ApplicationKey]:
    """(id, private key). Raises ``NotConfigured``."""
    secrets = account.secrets
    if not secrets.get("applicationId") or not secrets.get("privateKey"):
        raise NotConfigured(
            f"Vonage account {account.ref}: vonageApplicationId and"
            " vonageApplicationPrivateKey are needed to place and end calls"
        )
    return secrets["applicationId"], _read(secrets["privateKey"])


def as_application(account: Account, timeout: int, plain: bool) -> Any:
    """The SDK's HTTP client that sends the application's token."""
    from vonage_jwt import JwtClient  # type: ignore[import-untyped]

    name, key = application(account)
    http = _http_client({"application_id": name, "private_key": key.pem}, timeout, plain)
    http.auth._jwt_client = JwtClient(name, key.read)
    return http


def as_account(account: Account, timeout: int, plain: bool) -> Any:
    """The SDK's HTTP client that sends the account's own key and secret."""
    secret = account.secrets.get("apiSecret")
    if not secret:
        raise NotConfigured(f"Vonage account {account.ref}: apiSecret is needed to look numbers up")
    return _http_client({"api_key": account.ref, "api_secret": secret}, timeout, plain)


def bearer(account: Account) -> str:
    """A fresh token of the application, for requests without the SDK."""
    from vonage_jwt import JwtClient

    name, key = application(account)
    token = JwtClient(name, key.read).generate_application_jwt()
    return token.decode() if isinstance(token, bytes) else str(token)


def ask(http: Any, method: str, url: str, body: JsonObject | None, auth: str) -> JsonObject:
    """Send one request. A response without a JSON object counts as an empty one."""
    kind = "query_params" if method == "GET" else "json"
    host, _, path = url.partition("://")[2].partition("/")
    try:
        answer = http.make_request(method, host, f"/{path}", body, auth, kind)
    except Exception as error:
        raise _translated(error) from error
    return answer if isinstance(answer, dict) else {}


@lru_cache(maxsize=64)
def _read(pem: str) -> ApplicationKey:
    """The key, also as PKCS#8: the only text form the SDK accepts. Vonage's own files have it.

    To read a key takes 40 ms, in which no other thread runs. The SDK does it for each token.
    """
    from cryptography.hazmat.primitives import serialization as keys
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    try:
        key = keys.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise NotConfigured("Vonage vonageApplicationPrivateKey: not a readable PEM key") from error
    if not isinstance(key, RSAPrivateKey):
        raise NotConfigured("Vonage vonageApplicationPrivateKey: an RSA key is wanted")
    pkcs8 = key.private_bytes(keys.Encoding.PEM, keys.PrivateFormat.PKCS8, keys.NoEncryption())
    return ApplicationKey(pkcs8.decode(), key)


def _http_client(named: Mapping[str, str], timeout: int, plain: bool) -> Any:
    """The SDK's HTTP client. ``named``: the credentials, as arguments of the SDK's ``Auth``."""
    from vonage import Auth, HttpClientOptions, Vonage

    logging.getLogger("vonage").setLevel(logging.ERROR)
    auth = Auth(**named)
    # In the SDK, ``pool_maxsize`` is also the number of sends after a dropped connection.
    options = HttpClientOptions(timeout=timeout, max_retries=0, pool_maxsize=1)
    http = Vonage(auth, options).http_client
    session = http._session
    session.mount("https://", _adapter(plain))
    session.max_redirects = 0
    return http


def _adapter(plain: bool) -> Any:
    """Requests' adapter without retries.

    ``plain`` reverts the https that the SDK writes into every URL.
    """
    from requests import PreparedRequest, Response

    from providers.common.tls_adapter import TlsAdapter

    class Adapter(TlsAdapter):
        def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            if plain and request.url:
                request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **options)

    return Adapter(pool_maxsize=CONNECTIONS, max_retries=0)


def _translated(error: Exception) -> CarrierError:
    """Translate the SDK's and Requests' errors."""
    from requests import RequestException, TooManyRedirects
    from vonage_http_client.errors import HttpRequestError

    if isinstance(error, HttpRequestError):
        return _refused(error.response)
    if isinstance(error, TooManyRedirects):
        return CarrierError("Vonage: the API answered with a redirect", permanent=True)
    if isinstance(error, RequestException):
        return CarrierError(f"Vonage not reached: {type(error).__name__}", permanent=False)
    return CarrierError(f"Vonage SDK: {type(error).__name__}: {error}", permanent=True)


def _refused(response: Any) -> CarrierError:
    status = int(response.status_code)
    return CarrierError(
        f"Vonage answered {status}: {_explained(response)}",
        permanent=status < 500 and status not in TRANSIENT,
        busy=status == 429,
        code=str(status),
    )


def _explained(response: Any) -> str:
    """The texts of an error body, which has one of three shapes; at most 300 characters."""
    try:
        body = response.json()
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    names = ("title", "error_title", "detail", "invalid_parameters")
    texts = [str(fields[name]) for name in names if fields.get(name)]
    return ("; ".join(texts) or "no explanation")[:300]
