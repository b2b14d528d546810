"""One question to an assistant's model, with one whole answer: without pipecat, in a thread.

``one_shot`` of a vendor's folder builds the request and reads the answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pkgutil import resolve_name
from typing import Protocol
from uuid import uuid4

from app.net.authentication import AuthenticationFailed, Outgoing
from app.vendors import registry
from app.vendors.common.account import VendorAccounts
from app.vendors.common.answer import Messages, ModelAnswer, OneShotRequest, Said
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.llm_spec import Spec, candidates, read_spec
from app.vendors.common.vendor import Config
from providers.common import foreign_json
from providers.common.json_types import JsonObject

# Tokens of an answer. An assistant's own limit is for one turn of speech.
MAX_TOKENS = 1000
# Statuses that may be gone soon; 529 is one vendor's "overloaded".
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP response. ``status`` None: there is none, and ``text`` says why."""

    status: int | None
    text: str


# URL, body, headers, seconds in all, and whether a client chose the URL. Sends to allowed addresses
# only, without redirects; never raises.
Post = Callable[[str, bytes, Mapping[str, str], float, bool], HttpAnswer]


class VendorProtocol(Protocol):
    """The protocol of one kind of vendor: a module's functions."""

    def request(self, spec: Spec, messages: Messages) -> OneShotRequest: ...

    def read(self, answer: JsonObject) -> Said:
        """Read the response.

        Raises ``LookupError``, ``TypeError`` and the like if it is not an answer.
        """
        ...


class OneShotModel:
    """The implementation of ``Context.ask_model``."""

    def __init__(self, post: Post, now: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._now = now

    def __call__(
        self,
        config: Config,
        accounts: VendorAccounts,
        messages: Messages,
        seconds: float,
    ) -> ModelAnswer:
        """Ask the assistant's models in turn; return the first answer within ``seconds``."""
        until = self._now() + seconds
        thought = ModelAnswer(error="model.provider is missing")
        for each in candidates(config):
            left = until - self._now()
            if left <= 0:
                break
            thought = self._ask(each, accounts, messages, left)
            if not thought.error:
                break
        return thought

    def _ask(
        self,
        config: Config,
        accounts: VendorAccounts,
        messages: Messages,
        seconds: float,
    ) -> ModelAnswer:
        try:
            spec = read_spec(_that_writes(config), accounts, {})
        except UnbuildableAssistant as problem:
            return ModelAnswer(error=str(problem))
        spec = replace(spec, system=None, max_tokens=spec.max_tokens and MAX_TOKENS)
        part: VendorProtocol = resolve_name(registry.llm_parts()[spec.provider].one_shot)
        request = part.request(spec, messages)
        headers = {"Content-Type": "application/json", "User-Agent": "Patchbay", **request.headers}
        body = json.dumps(request.body).encode()
        try:
            answer = self._send(spec, request.url, body, headers, seconds)
        except AuthenticationFailed as problem:
            return ModelAnswer(error=f"{spec.provider}: {problem}", transient=True)
        if answer.status is None or not 200 <= answer.status < 300:
            return _failure(spec, answer)
        try:
            text, used = part.read(foreign_json.parse(answer.text))
        except (ValueError, LookupError, TypeError, AttributeError):
            error = f"{spec.provider} answered something else than {request.url} should"
            return ModelAnswer(error=error)
        model = {"provider": spec.provider, "model": spec.model}
        return ModelAnswer(text, model, *used)

    def _send(
        self, spec: Spec, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> HttpAnswer:
        signer = spec.signer
        if signer is None:
            return self._post(url, body, headers, seconds, spec.foreign)
        sent = Outgoing(url, body, str(uuid4()), int(time.time()))
        named = {**headers, **signer.headers(sent)}
        answer = self._post(url, body, named, seconds, spec.foreign)
        if answer.status == 401 and signer.waits:
            named = {**headers, **signer.headers(sent, rejected=True)}
            answer = self._post(url, body, named, seconds, spec.foreign)
        return answer


def _that_writes(config: Config) -> Config:
    """The model to ask: of a model that speaks, the vendor's usual one that writes."""
    if registry.speech_part(config) is None:
        return config
    part = registry.llm_parts()[registry.name_of(config.get("provider"))]
    return {**config, "model": part.model}


def _failure(spec: Spec, answer: HttpAnswer) -> ModelAnswer:
    passing = answer.status is None or answer.status in PASSING
    if "insufficient_quota" in answer.text:  # status 429 too, and lasting
        passing = False
    text = f"{spec.provider}: {answer.status or 'no answer'}: {answer.text[:300]}"
    return ModelAnswer(error=text, transient=passing)
