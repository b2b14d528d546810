"""OAuth 2.0 client credentials: a token per credential, kept in memory until it expires.

One request at a time is sent for a credential. Others wait for its token, or get its error.
https://www.rfc-editor.org/rfc/rfc6749#section-4.4
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote_plus, urlencode

from app.net.authentication import AuthenticationFailed, Outgoing, Plan, bearer
from app.net.headers import value_problem
from app.net.http import Response, SendError, post

SECONDS = 10.0
"""The longest request for a token."""
LIFETIME = 300.0
"""Seconds of a token whose answer does not say."""
MAX_LIFETIME = 24 * 3600.0
EARLY = 30.0
"""Seconds before its end at which a token is renewed."""
FAILED_SECONDS = 5.0
"""How long a failure answers for the requests after it."""
MAX_TOKENS = 1_000
MAX_ANSWER = 64_000
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(slots=True)
class _Token:
    """A credential's token, or why there is none. ``until``: of the monotonic clock."""

    value: str = ""
    until: float = 0.0
    problem: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Tokens:
    """The tokens of a process. Thread-safe."""

    def __init__(self) -> None:
        self._kept = OrderedDict[str, _Token]()
        self._lock = threading.Lock()

    def get(self, plan: Plan, allow_private: bool, rejected: str | None = None) -> str:
        """The token. ``rejected``: one that a server refused, which is replaced.

        Raises ``AuthenticationFailed``.
        """
        token = self._token(plan)
        if not token.lock.acquire(timeout=2 * SECONDS):
            raise AuthenticationFailed("the authorisation server takes too long")
        try:
            if time.monotonic() >= token.until or (rejected and token.value == rejected):
                _renew(token, plan, allow_private)
            if token.problem:
                raise AuthenticationFailed(token.problem)
            return token.value
        finally:
            token.lock.release()

    def _token(self, plan: Plan) -> _Token:
        """By all of the plan: a changed secret begins anew."""
        key = sha256(json.dumps(dict(plan), sort_keys=True).encode()).hexdigest()
        with self._lock:
            token = self._kept.setdefault(key, _Token())
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_TOKENS:
                self._kept.popitem(last=False)
            return token


TOKENS = Tokens()


@dataclass(slots=True)
class OAuth:
    """The token of a client's authorisation server, in a header."""

    plan: Plan = field(repr=False)
    allow_private: bool
    tokens: Tokens = field(default=TOKENS, repr=False)
    waits: bool = True
    _sent: str | None = field(default=None, repr=False)

    def headers(self, request: Outgoing, *, rejected: bool = False) -> Mapping[str, str]:
        stale = self._sent if rejected else None
        self._sent = self.tokens.get(self.plan, self.allow_private, stale)
        return bearer(self.plan, self._sent)


def _renew(token: _Token, plan: Plan, allow_private: bool) -> None:
    now = time.monotonic()
    try:
        token.value, seconds = _ask(plan, allow_private)
    except AuthenticationFailed as error:
        token.value, token.problem, token.until = "", str(error), now + FAILED_SECONDS
    else:
        token.problem, token.until = "", now + max(seconds - EARLY, seconds / 2)


def _ask(plan: Plan, allow_private: bool) -> tuple[str, float]:
    """Ask for a token, with the client's secret in the body, or else in a header."""
    about = {"grant_type": "client_credentials"}
    if scope := plan.get("scope"):
        about["scope"] = str(scope)
    client, secret = str(plan["clientId"]), str(plan["clientSecret"])
    answer = _post(plan, {**about, "client_id": client, "client_secret": secret}, {}, allow_private)
    if answer.status in {400, 401}:  # a server may take the header only
        pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
        basic = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        answer = _post(plan, about, basic, allow_private)
    return _read(answer)


def _post(
    plan: Plan, form: Mapping[str, str], headers: Mapping[str, str], allow_private: bool
) -> Response:
    try:
        body = urlencode(form).encode()
        return post(
            str(plan["url"]), body, {**FORM, **headers}, SECONDS / 2, allow_private, MAX_ANSWER
        )
    except SendError as error:
        raise AuthenticationFailed(f"there is no OAuth token: {error}") from error


def _read(answer: Response) -> tuple[str, float]:
    """The token and its seconds. The text of a refusal is not shown: it may repeat the secret."""
    if not 200 <= answer.status < 300:
        raise AuthenticationFailed(
            f"there is no OAuth token: the authorisation server answered {answer.status}"
        )
    try:
        body = json.loads(answer.body)
        value, seconds = body["access_token"], body.get("expires_in")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        value, seconds = None, None
    if not isinstance(value, str) or not value or value_problem(value):
        raise AuthenticationFailed("there is no OAuth token: the answer has no access_token")
    try:
        lifetime = float(seconds) if seconds is not None else LIFETIME
    except (TypeError, ValueError, OverflowError):
        lifetime = LIFETIME
    return value, min(max(lifetime, 1.0), MAX_LIFETIME) if lifetime == lifetime else LIFETIME
