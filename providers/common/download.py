"""Fetches a carrier's recording, and sends the account's credentials to the carrier only.

Redirects are followed here, one by one. The credentials stay on their host, and a host that is not
the carrier's gets no request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

from providers.errors import CarrierError

CHUNK = 256 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 3
# For the whole file. A slower download is tried again later.
PATIENCE_SECONDS = 600.0


def save(
    url: str,
    headers: Mapping[str, str],
    file: BinaryIO,
    *,
    limit: int,
    timeout: float,
    trusted: Callable[[str], bool],
) -> None:
    """Write the content of ``url`` into ``file``.

    ``trusted``: whether a URL may get a request without credentials. Raises ``CarrierError``;
    permanent for a file over ``limit`` bytes and for a host that is not trusted.
    """
    from requests import RequestException

    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        _follow(url, headers, file, limit, timeout, trusted, deadline)
    except (RequestException, TimeoutError, ValueError) as error:  # ValueError: an invalid URL
        text = f"The recording cannot be fetched: {type(error).__name__}"
        raise CarrierError(text, permanent=False) from error


def _follow(
    url: str,
    headers: Mapping[str, str],
    file: BinaryIO,
    limit: int,
    timeout: float,
    trusted: Callable[[str], bool],
    deadline: float,
) -> None:
    from requests import Session

    from providers.common.tls_adapter import TlsAdapter

    home = origin(url)
    with Session() as session:
        session.mount("https://", TlsAdapter())
        session.trust_env = False  # the machine's netrc and proxies are not for the carrier
        for _ in range(MAX_REDIRECTS + 1):
            sent = dict(headers) if origin(url) == home else {}
            with session.get(
                url, headers=sent, timeout=timeout, stream=True, allow_redirects=False
            ) as answer:
                if answer.status_code not in REDIRECTS:
                    _write(answer, file, limit, deadline)
                    return
                url = urljoin(url, answer.headers.get("Location", ""))
            if origin(url) != home and not trusted(url):
                host = urlsplit(url).hostname
                raise CarrierError(
                    f"The recording lies at {host}, which is not the carrier's", permanent=True
                )
    raise CarrierError("The recording is redirected in circles", permanent=False)


def _write(answer: object, file: BinaryIO, limit: int, deadline: float) -> None:
    from requests import Response

    assert isinstance(answer, Response)  # noqa: S101 - the library is imported only when needed
    if answer.status_code != 200:
        status = answer.status_code
        raise CarrierError(f"The recording's address answered {status}", permanent=False)
    size = 0
    for chunk in answer.iter_content(CHUNK):
        size += len(chunk)
        if size > limit:
            raise CarrierError(f"The recording is over {limit} bytes", permanent=True)
        if time.monotonic() > deadline:
            raise TimeoutError
        file.write(chunk)


def origin(url: str) -> tuple[str, str]:
    """(scheme, host and port) of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
