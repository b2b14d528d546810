"""The public API of the bridge that is tested."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import urllib3

TIMEOUT = urllib3.Timeout(connect=5, read=30)


class ApiFailed(Exception):
    """The API does not answer, or refuses. The message says which request and why."""


@dataclass(frozen=True)
class Api:
    """Requests with the API key. All raise ``ApiFailed``."""

    url: str
    key: str = field(repr=False)
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(timeout=TIMEOUT, retries=False), repr=False
    )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """JSON in and out."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        answer = self._send(method, self.url + path, data, headers)
        try:
            return json.loads(answer) if answer else None
        except ValueError as error:
            raise ApiFailed(f"{method} {self.url}{path} answered no JSON") from error

    def download(self, url: str) -> bytes:
        """A file behind a signed link of the API."""
        return self._send("GET", url, None, {})

    def _send(self, method: str, url: str, data: bytes | None, headers: dict[str, str]) -> bytes:
        try:
            answer = self._pool.request(method, url, body=data, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise ApiFailed(f"{method} {url}: no answer ({error})") from error
        if not 200 <= answer.status < 300:
            said = answer.data.decode(errors="replace")[:500]
            raise ApiFailed(f"{method} {url}: {answer.status} {said}")
        return bytes(answer.data)
