"""The simulated Twilio's account and requests: signed, with connection overrides and retries.

https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from providers.simulation.config import SimulatorConfig, common_settings, own_port, setting
from providers.simulation.stage import Stage
from providers.simulation.timeline import Request, Response, extended
from providers.twilio.config import FLOW_HOST, NAME
from providers.twilio.signature import FORM, compute

USER_AGENT = "TwilioProxy/1.1"
MAX_RETRIES = 5
# The owner's Studio flow.
FLOW_SID = "FW" + "5" * 32

# A call, as the carrier's API stores it.
C = TypeVar("C")


@dataclass(frozen=True, kw_only=True)
class TwilioConfig(SimulatorConfig):
    """``auth_token`` signs, and is the password of the REST API."""

    account_sid: str
    auth_token: str = field(repr=False)


def config_from_environment(
    environ: Mapping[str, str] | None = None, **changes: Any
) -> TwilioConfig:
    """The configuration from the bridge's variables.

    Raises ``SimulatorError`` for a missing one.
    """
    environ = os.environ if environ is None else environ
    account = setting(environ, "TWILIO_ACCOUNT_SID")
    values = common_settings(environ) | {
        "account_sid": account,
        "auth_token": setting(environ, "TWILIO_AUTH_TOKEN").split(",")[0].strip(),
        "number": setting(environ, "TWILIO_PHONE_NUMBER"),
        "api_port": own_port(setting(environ, "TWILIO_API_URL", "")),
        "return_url": flow_url(account),
    }
    return TwilioConfig(**(values | changes))


def flow_url(account_sid: str) -> str:
    """Where Studio takes a leg back."""
    return f"https://{FLOW_HOST}/v1/Accounts/{account_sid}/Flows/{FLOW_SID}?FlowEvent=return"


@dataclass(frozen=True)
class TwilioSigner:
    """Signs as Twilio does for one account."""

    auth_token: str = field(repr=False)

    def request(self, method: str, url: str, params: Mapping[str, str]) -> Request:
        """A webhook: a form, or on GET everything in the query."""
        headers = {"User-Agent": USER_AGENT}
        if method == "GET":
            url = extended(url, params)
            return Request(method, url, headers | self._signature(url, {}))
        headers["Content-Type"] = f"{FORM}; charset=UTF-8"
        signed = headers | self._signature(url, params)
        return Request(method, url, signed, urlencode(params).encode())

    def handshake(self, url: str) -> dict[str, str]:
        """Headers of the media socket's opening request: signed as given, no parameters."""
        return {**self._signature(url, {}), "User-Agent": USER_AGENT}

    def _signature(self, url: str, params: Mapping[str, str]) -> dict[str, str]:
        signature = compute(self.auth_token, signed_url(url), params.items())
        return {"X-Twilio-Signature": signature}


class TwilioStage(Stage, Generic[C]):
    """One run against a bridge."""

    carrier = NAME

    def __init__(self, config: TwilioConfig, out: Callable[[str], object] = print) -> None:
        super().__init__(config, out)
        self.config: TwilioConfig = config
        self.signer = TwilioSigner(config.auth_token)
        self.calls: dict[str, C] = {}

    def prepare(
        self, method: str, url: str, params: Mapping[str, str], label: str
    ) -> Callable[[], Response]:
        """Prepare one signed request. Each send has the same idempotency token."""
        target, retries, causes = overrides(url)
        request = self.signer.request(method, target, params)
        headers = {**request.headers, "I-Twilio-Idempotency-Token": str(uuid4())}
        send = partial(
            self.wire.send, self.outbound, method, request.url, headers, request.body, label=label
        )
        return partial(insistent, send, retries, causes)


def insistent(send: Callable[[], Response], retries: int, causes: frozenset[str]) -> Response:
    """Send, and send again for these causes."""
    response = send()
    for _ in range(retries):
        if not causes & failures(response):
            break
        response = send()
    return response


def overrides(url: str) -> tuple[str, int, frozenset[str]]:
    """A webhook URL -> (URL without its fragment, retries, causes to retry for)."""
    target, _, fragment = url.partition("#")
    asked = dict(parse_qsl(fragment))
    retries = int(asked.get("rc", "1"))
    causes = frozenset(asked.get("rp", "ct").split(","))
    return target, min(retries, MAX_RETRIES), causes


def failures(response: Response) -> frozenset[str]:
    """The causes of a failure, in the words of ``rp``; empty after a success."""
    if response.status == 0:
        return frozenset({"ct", "rt", "all"})
    if response.status >= 400:
        return frozenset({f"{response.status // 100}xx", "all"})
    return frozenset()


def signed_url(url: str) -> str:
    """The URL that Twilio signs: over TLS without its port."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "wss") or not parts.port:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition(":")[0]))
