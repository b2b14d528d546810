"""The simulated Vonage's account and requests, signed with the account's signature secret.

https://developer.vonage.com/en/getting-started/concepts/webhooks
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from providers.common.json_types import JsonObject
from providers.simulation.config import SimulatorConfig, common_settings, own_port, setting
from providers.simulation.stage import Stage
from providers.simulation.timeline import Request, Response, extended
from providers.vonage.config import NAME
from providers.vonage.signature import query_payload, sign

USER_AGENT = "Apache-HttpAsyncClient/4.1"
# Responses after which Vonage tries once more; 0 is none.
RETRIED = (0, 429, 503, 504)
# The owner's application. It is never called, only written down.
OWNER_URL = "http://localhost/flow"

# A leg, as the carrier's API stores it.
L = TypeVar("L")


@dataclass(frozen=True, kw_only=True)
class VonageConfig(SimulatorConfig):
    """``account_key`` is Vonage's api key; ``private_key`` the application's, PEM.

    Without a private key the REST API accepts any well-formed token of the application. Without an
    ``api_secret`` it accepts any of the account.
    """

    account_key: str
    signature_secret: str = field(repr=False)
    application_id: str = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
    private_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)


def config_from_environment(
    environ: Mapping[str, str] | None = None, **changes: Any
) -> VonageConfig:
    """The configuration from the bridge's variables.

    Raises ``SimulatorError`` for a missing one.
    """
    environ = os.environ if environ is None else environ
    secrets = setting(environ, "VONAGE_SIGNATURE_SECRET")
    values = common_settings(environ) | {
        "account_key": setting(environ, "VONAGE_API_KEY"),
        "signature_secret": secrets.split(",")[0].strip(),
        "number": setting(environ, "VONAGE_PHONE_NUMBER"),
        "api_port": own_port(setting(environ, "VONAGE_API_URL", "")),
        "return_url": OWNER_URL,
    }
    if application := setting(environ, "VONAGE_APPLICATION_ID", ""):
        values["application_id"] = application
    if secret := setting(environ, "VONAGE_API_SECRET", ""):
        values["api_secret"] = secret
    if key := setting(environ, "VONAGE_PRIVATE_KEY", ""):
        values["private_key"] = key.replace("\\n", "\n")
    return VonageConfig(**(values | changes))


@dataclass(frozen=True)
class VonageSigner:
    """Signs as Vonage does for one account, in the name of its application if there is one."""

    secret: str = field(repr=False)
    api_key: str
    application_id: str | None = None

    def request(self, method: str, url: str, payload: JsonObject) -> Request:
        """A webhook: JSON, or on GET everything in the query, nested values as JSON."""
        headers = {"User-Agent": USER_AGENT, "Cache-Control": "max-age=0"}
        if method == "GET":
            url = extended(url, {name: flat(value) for name, value in payload.items()})
            token = self._bearer(query_payload(urlsplit(url).query))
            return Request(method, url, headers | token)
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        headers["Content-Type"] = "application/json"
        return Request(method, url, headers | self._bearer(body), body)

    def handshake(self, url: str) -> dict[str, str]:
        """Headers of the media socket's opening request; the token covers no URL."""
        return self._bearer(None)

    def _bearer(self, payload: bytes | None) -> dict[str, str]:
        token = sign(
            self.secret,
            api_key=self.api_key,
            payload=payload,
            application_id=self.application_id,
            now=datetime.now(UTC),
        )
        return {"Authorization": f"Bearer {token}"}


class VonageStage(Stage, Generic[L]):
    """One run against a bridge."""

    carrier = NAME

    def __init__(self, config: VonageConfig, out: Callable[[str], object] = print) -> None:
        super().__init__(config, out)
        self.config: VonageConfig = config
        self.signer = VonageSigner(
            config.signature_secret, config.account_key, config.application_id
        )
        self.legs: dict[str, L] = {}
        # Ids of the recordings.
        self.files: set[str] = set()

    def prepare(
        self, method: str, url: str, payload: JsonObject, label: str
    ) -> Callable[[], Response]:
        """One signed request, to be sent by calling it."""
        request = self.signer.request(method, url, payload)
        send = partial(
            self.wire.send,
            self.outbound,
            method,
            request.url,
            request.headers,
            request.body,
            label=label,
        )
        return partial(twice, send)


def twice(send: Callable[[], Response]) -> Response:
    """Send, and once more where Vonage does."""
    response = send()
    return send() if response.status in RETRIED else response


def flat(value: Any) -> str:
    """The value as Vonage writes it into a query."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
