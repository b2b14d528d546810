"""The carriers' webhooks: one route for each URL a carrier declares, one path through the code.

The steps are: read, verify, parse, handle, answer. The carrier's package parses the webhook and
renders the answer. ``app/domain/services/webhooks.py`` handles it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial

from flask import Flask, Response
from sqlalchemy.exc import DataError

from app.domain.context import Context
from app.domain.legs import auth
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.services.webhooks import LegService
from app.domain.timings import Timing
from app.routes.attempts import Attempts
from app.routes.auth import client
from app.routes.lean_flask import WholeResponse, body_of, current_request
from app.store.faults import may_pass
from app.telemetry.once_a_minute import FewLines
from providers.base.carrier import Carrier
from providers.base.instructions import Answer
from providers.base.rest import PROBE_AGENT
from providers.base.webhook import Hook, HookKind, WebhookReport, WebhookRequest
from providers.errors import BadRequest, Refused

MAX_BYTES = 64 * 1024
RETRY_AFTER_SECONDS = 1

log = logging.getLogger(__name__)


class _Forged(Exception):
    """No account has signed the request."""

    def __init__(self, reason: Refused) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Webhooks:
    """All carriers' webhooks on one Flask app."""

    def __init__(self, context: Context, legs: LegService, forged: Attempts) -> None:
        """``forged`` counts the requests that no account has signed."""
        self.context = context
        self.legs = legs
        self._forged = forged
        self._log = FewLines(log)
        self._unknown: set[tuple[str, str]] = set()

    def register(self, app: Flask, providers: Mapping[str, Carrier]) -> None:
        for provider in providers.values():
            for hook in provider.hooks:
                app.add_url_rule(
                    hook.path,
                    endpoint=f"hook {hook.path}",
                    view_func=partial(self._serve, provider, hook),
                    methods=list(hook.methods),
                )

    def _serve(
        self,
        carrier: Carrier,
        hook: Hook,
        token: str | None = None,
        call_id: str | None = None,
    ) -> Response:
        """Handle a webhook. Every error is answered in the carrier's own way, and then logged."""
        began = time.perf_counter()
        try:
            return _response(self._handle(carrier, hook, token, call_id))
        except _Forged as error:
            return self._refuse_forged(carrier, hook, error)
        except (Refused, BadRequest) as error:
            log.warning("refused %s: %s", hook.path, error)
            return _response(carrier.markup.refusal(error))
        # the same request would fail again: do not ask the carrier to repeat it
        except DataError as error:
            log.error("%s holds what the store cannot keep: %s", hook.path, error)
            return _response(carrier.markup.refusal(BadRequest("a value cannot be kept")))
        except Exception as error:
            if may_pass(error):
                self.context.store.outage.note(error, refused=True)
            else:
                log.exception("%s failed", hook.path)
            response = _response(carrier.markup.refusal(error, transient=True))
            response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
            return response
        finally:
            self.context.observe(Timing.CALLBACK, time.perf_counter() - began)

    def _handle(
        self, carrier: Carrier, hook: Hook, token: str | None, call_id: str | None
    ) -> Answer:
        webhook = self._read()
        try:
            accounts = auth.verify(self.context, carrier, webhook, token)
        except Refused as error:
            raise _Forged(error) from error
        owners = webhook if hook.kind is HookKind.STATUS and token is None else None
        try:
            report = carrier.webhooks.parse(hook.kind, webhook)
        except BadRequest:
            if owners is not None:
                nothing = WebhookReport(None)
                self.legs.keep(
                    VerifiedWebhook(carrier, hook.kind, nothing, accounts, owners=owners)
                )
            raise
        if report.unknown:
            self._log_unknown(carrier, report)
        instructions = self.legs.handle(
            VerifiedWebhook(carrier, hook.kind, report, accounts, token, call_id, owners)
        )
        return carrier.markup.answer(instructions) if instructions else carrier.markup.acknowledge()

    def _refuse_forged(self, carrier: Carrier, hook: Hook, error: _Forged) -> Response:
        """Refuse what no account has signed. More than a few a second of one address get 429."""
        if current_request().headers.get("User-Agent") == PROBE_AGENT:
            log.info("refused a forged request to %s, as patchbay doctor expects", hook.path)
        else:
            self._log.warning("refused %s: %s", hook.path, error)
        response = _response(carrier.markup.refusal(error.reason))
        if wait := self._forged.count(client()):
            response.status_code = 429
            response.headers["Retry-After"] = str(wait)
        return response

    def _read(self) -> WebhookRequest:
        """The request as it came.

        Its URL is never rebuilt from ``Host``, which a client may forge.
        """
        request = current_request()
        body = body_of(request)
        if len(body) > MAX_BYTES:
            raise BadRequest(f"the body is larger than {MAX_BYTES} bytes")
        target = request.environ.get("patchbay.raw_target")
        if target is None:  # a WSGI server other than ours
            target = request.full_path if request.query_string else request.path
        headers = request.environ.get("patchbay.headers")
        if headers is None:
            headers = [(name.lower(), value) for name, value in request.headers]
        return WebhookRequest(
            method=request.method,
            url=self.context.settings.public_url + target,
            headers=headers,
            body=body,
            received_at=self.context.now(),
        )

    def _log_unknown(self, carrier: Carrier, report: WebhookReport) -> None:
        """Log a carrier's unknown word the first time it appears."""
        for word in report.unknown:
            if (carrier.name, word) not in self._unknown and len(self._unknown) < 1000:
                self._unknown.add((carrier.name, word))
                log.warning("%s sent a word not known here, kept as a note: %r", carrier.name, word)


def _response(answer: Answer) -> Response:
    response = WholeResponse(answer.body, answer.status, answer.content_type)
    if answer.headers:
        response.headers.update(answer.headers)
    return response
