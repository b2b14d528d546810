"""One question to an assistant's model, answered as a whole: without pipecat, in a thread.

What a vendor is asked, and how its answer reads, is said by the ``one_shot`` of its folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pkgutil import resolve_name
from typing import Any, Protocol

from app.vendors import registry
from app.vendors.common.account import VendorAccounts
from app.vendors.common.answer import Messages, ModelAnswer, OneShotRequest, Said
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.llm_spec import Spec, candidates, read_spec
from app.vendors.common.vendor import Config

MAX_TOKENS = 1000
"""Of an answer: an assistant's own limit is for what it says in one breath."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone soon; 529 is one vendor's "overloaded"."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer; ``status`` None: none was had, and ``text`` says why."""

    status: int | None
    text: str


Post = Callable[[str, bytes, Mapping[str, str], float], HttpAnswer]
"""URL, body, headers, seconds in all. To addresses that may be called, without redirects; never raises."""


class VendorProtocol(Protocol):
    """How one kind of vendor is asked: a module's functions."""

    def request(self, spec: Spec, messages: Messages) -> OneShotRequest: ...

    def read(self, answer: Mapping[str, Any]) -> Said:
        """Raises ``LookupError``, ``TypeError`` and the like for what is no answer."""
        ...


class OneShotModel:
    """What ``Context.ask_model`` is."""

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
        """The first of the assistant's models that answers, within ``seconds``."""
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
            spec = read_spec(config, accounts, {})
        except UnbuildableAssistant as problem:
            return ModelAnswer(error=str(problem))
        spec = replace(spec, system=None, max_tokens=spec.max_tokens and MAX_TOKENS)
        part: VendorProtocol = resolve_name(registry.llm_parts()[spec.provider].one_shot)
        request = part.request(spec, messages)
        headers = {"Content-Type": "application/json", "User-Agent": "Patchbay", **request.headers}
        answer = self._post(request.url, json.dumps(request.body).encode(), headers, seconds)
        if answer.status != 200:
            return _failure(spec, answer)
        try:
            text, used = part.read(json.loads(answer.text))
        except (ValueError, LookupError, TypeError, AttributeError):
            error = f"{spec.provider} answered something else than {request.url} should"
            return ModelAnswer(error=error)
        model = {"provider": spec.provider, "model": spec.model}
        return ModelAnswer(text, model, *used)


def _failure(spec: Spec, answer: HttpAnswer) -> ModelAnswer:
    passing = answer.status is None or answer.status in PASSING
    if "insufficient_quota" in answer.text:  # 429 too, and lasting
        passing = False
    text = f"{spec.provider}: {answer.status or 'no answer'}: {answer.text[:300]}"
    return ModelAnswer(error=text, transient=passing)
