"""The parts of one running bridge, constructed from its settings. This file decides nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from app import default_org, heroku
from app.assistants import BACKENDS
from app.delivery.dispatcher import Dispatcher
from app.delivery.owner_callbacks import OwnerCallbacks
from app.delivery.request import ServerRequest
from app.domain.assistant.upstream import BACKEND
from app.domain.calls import idempotency, timers
from app.domain.calls.timer_jobs import (
    CALL_WAITING,
    LOOK_AT_WAITING,
    START_SCHEDULED,
    STOPPED,
    WATCHDOG,
)
from app.domain.calls.timer_jobs import KIND as TIMER
from app.domain.context import Context
from app.domain.costs import vendor_prices
from app.domain.legs import (
    caller_back,
    carrier_price,
    hangup,
    late_binding,
    operator_call,
    outbound,
    reconcile,
    scheduled,
    stopped,
    warm_jobs,
)
from app.domain.legs.owner_callbacks import PASS_ON
from app.domain.legs.queue import advance, wake
from app.domain.login import sessions, tokens
from app.domain.reactions import react, with_row
from app.domain.recordings import carrier as carrier_recordings
from app.domain.recordings import files as recording_files
from app.domain.reporting import analysis, no_record, pending, upstream_report
from app.domain.resources.assistants import ResourceService
from app.domain.services import owner_callbacks, retention, trim
from app.domain.services.calls import CallService
from app.domain.services.checks import CheckService
from app.domain.services.media import MediaService
from app.domain.services.messages import MessageService
from app.domain.services.operator_media import OperatorMedia
from app.domain.services.owner_callbacks import OwnerCallbackService
from app.domain.services.webhooks import LegService
from app.jobs.base import Handler
from app.jobs.factory import open_jobs
from app.jobs.foreground import Foreground
from app.jobs.timers import TimerThread
from app.net.addresses import BadURL, allowed, check_url
from app.net.http import SendError, post
from app.plugins import BACKEND_GROUP, REACTION_GROUP, of_group
from app.routes.attempts import Doors
from app.settings import Settings
from app.store import migrate
from app.store.blobs import Blobs, Bucket, open_blobs
from app.store.engine import Store
from app.store.vault import Vault
from app.telemetry import tracing
from app.telemetry.metrics import Metrics, State
from app.vendors import vapi
from app.vendors.one_shot import HttpAnswer, OneShotModel
from app.vendors.vapi.calls import VapiCalls
from providers.registry import ALL

MAX_ANSWER = 1_000_000
"""Limit of a model's answer, in bytes."""

log = logging.getLogger(__name__)


def url_rule(settings: Settings) -> Callable[[str], str | None]:
    """The rule for the addresses that a client's body names."""
    return partial(_url_problem, allow_private=settings.allow_private_server_urls)


def _url_problem(url: str, *, allow_private: bool) -> str | None:
    """The address rules of ``delivery``, also for streams: ``wss`` has the rules of ``https``."""
    try:
        check_url(re.sub("^ws", "http", url), allow_private)
    except BadURL as error:
        return str(error)
    return None


def ask_model(
    settings: Settings,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    foreign: bool,
) -> HttpAnswer:
    """Ask a model. Only the operator's own model, not a client's, may have a private address."""
    private = settings.allow_private_server_urls or not foreign
    try:
        answer = post(url, body, headers, seconds, private, MAX_ANSWER)
    except SendError as error:
        return HttpAnswer(None, str(error))
    return HttpAnswer(answer.status, answer.body.decode(errors="replace"))


def _blobs(settings: Settings) -> Blobs:
    if settings.recordings_url is None:
        return open_blobs(settings.recordings_dir, None)
    name, _, prefix = settings.recordings_url.removeprefix("s3://").partition("/")
    bucket = Bucket(
        settings.s3_endpoint,
        name,
        prefix,
        settings.s3_access_key_id or "",
        settings.s3_secret_access_key or "",
        settings.s3_region,
    )
    return open_blobs(settings.recordings_dir, bucket)


def context_jobs(context: Context) -> dict[str, Handler]:
    """The handlers of the jobs that need the context alone, by kind.

    They are looked up at the call: a fail-point has replaced some by then (``app/failpoints``).
    """
    handlers: Mapping[str, Callable[[Context, Any], float | None]] = {
        idempotency.JOB: idempotency.forget,
        no_record.JOB: no_record.run,
        analysis.JOB: analysis.run,
        upstream_report.JOB: upstream_report.run,
        pending.TIMER: pending.on_timeout,
        carrier_recordings.START: carrier_recordings.start,
        carrier_recordings.STOP: carrier_recordings.stop,
        carrier_recordings.FETCH: recording_files.fetch,
        recording_files.ERASE: recording_files.erase,
        recording_files.SWEEP: recording_files.sweep,
        trim.SWEEP: trim.sweep,
        TIMER: timers.fire,
        START_SCHEDULED: scheduled.run,
        outbound.JOB: outbound.run,
        warm_jobs.DIAL: operator_call.dial,
        warm_jobs.WATCH: operator_call.watch,
        warm_jobs.HANG_UP: operator_call.hang_up,
        warm_jobs.BACK: caller_back.run,
        hangup.JOB: hangup.run,
        WATCHDOG: reconcile.run,
        STOPPED: stopped.run,
        wake.JOB: advance.run,
        LOOK_AT_WAITING: advance.look,
        CALL_WAITING: advance.call_leg,
        carrier_price.JOB: carrier_price.run,
    }
    return {kind: partial(run, context) for kind, run in handlers.items()}


class NotMigrated(Exception):
    """The database's schema is older than this program."""


class Services:
    """The parts of the bridge, as ``app.extensions["patchbay"]``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.providers = ALL
        self.backends = {**BACKENDS, **of_group(settings.plugins, BACKEND_GROUP)}
        self.store = Store(settings.database_url)
        self.vault = Vault(settings.secret_keys)
        self.metrics = Metrics()
        self.doors = Doors()
        handlers: dict[str, Handler] = {}
        self.foreground = Foreground(lambda: self.context.presence.is_late)
        self.jobs = open_jobs(self.store, handlers, give_way=self.foreground.give_way)
        self.context = Context(
            settings,
            self.store,
            self.vault,
            ALL,
            self.jobs,
            _blobs(settings),
            (react, *map(with_row, of_group(settings.plugins, REACTION_GROUP).values())),
            now=self.store.clock.now,
            url_problem=url_rule(settings),
            addresses=partial(allowed, allow_private=settings.allow_private_server_urls),
            ask_server=ServerRequest(settings),
            ask_model=OneShotModel(partial(ask_model, settings)),
            upstream=VapiCalls(settings.allow_private_server_urls),
            prices=vendor_prices.over(settings.prices),
            observe=self.metrics.observe,
            event_dropped=self.metrics.count_dropped_event,
            count_refused_dial=self.metrics.count_refused_dial,
        )
        self.timers = TimerThread(
            self.store,
            partial(timers.fire_due, self.context),
            partial(timers.put_off, self.context),
            self.foreground.give_way,
        )
        self.context.timer_wakers.append(self.timers.wake)
        self.metrics.register(State(self.context))
        self.calls = CallService(self.context)
        self.messages = MessageService(self.context)
        self.resources = ResourceService(self.context)
        self.checks = CheckService(self.context)
        self.legs = LegService(self.context)
        self.media = MediaService(self.context)
        self.operator_media = OperatorMedia(self.context)
        handlers |= context_jobs(self.context)
        handlers[retention.SWEEP] = partial(retention.sweep, self.calls)
        self.owner_callbacks = OwnerCallbackService(self.context, self.legs)
        handlers[late_binding.BIND] = self.owner_callbacks.bind
        handlers[owner_callbacks.SWEEP] = self.owner_callbacks.sweep
        handlers[PASS_ON] = OwnerCallbacks(self.context, self.metrics.count_passed_on).run
        self.dispatcher = Dispatcher(self.context, give_way=self.foreground.give_way)
        handlers["deliver"] = self.dispatcher.wake

    def upgrade(self) -> None:
        """Bring the database's schema up to date."""
        migrate.upgrade(self.store, self.vault)
        self.jobs.install()

    @property
    def talks(self) -> bool:
        """Whether this process runs the pipeline of calls by default."""
        return (
            self.settings.assistant_backend == "local" and self.settings.own_media_base is not None
        )

    @property
    def relays(self) -> bool:
        """Whether this process's calls may have an upstream, whose SDK is loaded ahead."""
        if self.settings.own_media_base is None:
            return False
        holds_key = any(each.provider == vapi.VENDOR.name for each in self.settings.vendors)
        return self.settings.assistant_backend == BACKEND or (holds_key and vapi.is_installed())

    def start(self) -> str | None:
        """Make ready to serve, and return the generated API key, if any.

        This upgrades the embedded database. The release command upgrades a server database, so
        that many instances do not race. Raises ``NotMigrated``.
        """
        if self.store.is_sqlite:
            self.upgrade()
        elif not migrate.is_current(self.store):
            raise NotMigrated("the database is not up to date: run `patchbay db upgrade`")
        self.store.clock.compare()
        key = default_org.create_default_org(self.context, is_start=True)
        if key:
            print(f"API key (shown once): {key}", flush=True)  # noqa: T201
        if self.settings.development:  # the logs of a server are read by more than its owner
            link = tokens.new_link(self.context, default_org.ORG_ID, sessions.ACT)
            print(f"Dashboard (opens once, within an hour): {link}", flush=True)  # noqa: T201
        if self.settings.loses_recordings:
            log.warning(heroku.RECORDINGS_ARE_LOST)
        self.store.start_checkpoints()
        if self.settings.run_jobs:
            recording_files.schedule_sweep(self.context)
            retention.schedule_sweep(self.context)
            trim.schedule_sweep(self.context)
            self.owner_callbacks.schedule_sweep()
            advance.start(self.context)
            self.jobs.start()
            self.dispatcher.start()
            self.timers.start()
        return key

    def stop(self) -> None:
        self.timers.stop()
        self.jobs.stop()
        self.dispatcher.stop()
        self.store.close()
        tracing.stop()
