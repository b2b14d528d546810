"""The parts of one running bridge, joined from its settings. Nothing here decides anything."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from app import bootstrap
from app.assistants.think import Answered, Thinker
from app.config import Settings
from app.delivery.addresses import BadURL, check_url
from app.delivery.asking import Asker
from app.delivery.http import SendError, allowed, post
from app.delivery.jobs import Handler, open_jobs
from app.delivery.sender import Sender
from app.domain import (
    analysis,
    artifacts,
    dialing,
    hanging_up,
    idempotency,
    ledger,
    prices,
    pricing,
    recording_files,
    recordings,
    timers,
    watchdog,
)
from app.domain.core import Core
from app.domain.legs import LegService
from app.domain.media import MediaService
from app.domain.resources import ResourceService
from app.domain.service import CallService
from app.store import migrate
from app.store.blobs import Blobs, Bucket, open_blobs
from app.store.engine import Store
from app.store.vault import Vault
from providers.registry import PROVIDERS

MAX_ANSWER = 1_000_000
"""Bytes of a model's answer."""

log = logging.getLogger(__name__)


def _url_problem(url: str, *, allow_private: bool) -> str | None:
    """The address rules of ``delivery``, also for streams: ``wss`` is judged as ``https``."""
    try:
        check_url(re.sub("^ws", "http", url), allow_private)
    except BadURL as error:
        return str(error)
    return None


def ask_model(
    settings: Settings, url: str, body: bytes, headers: Mapping[str, str], seconds: float
) -> Answered:
    """A question to a model. Where it is the operator's own, its address may be a private one."""
    own = any(each.url and _origin(each.url) == _origin(url) for each in settings.vendors)
    private = own or settings.allow_private_server_urls
    try:
        answer = post(url, body, headers, seconds, private, MAX_ANSWER)
    except SendError as error:
        return Answered(None, str(error))
    return Answered(answer.status, answer.body.decode(errors="replace"))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


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


class NotMigrated(Exception):
    """The database's schema is older than this program."""


class Patchbay:
    """What ``app.extensions["patchbay"]`` is."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.providers = PROVIDERS
        self.store = Store(settings.database_url)
        self.vault = Vault(settings.secret_keys)
        handlers: dict[str, Handler] = {}
        self.jobs = open_jobs(self.store, handlers)
        self.core = Core(
            settings,
            self.store,
            self.vault,
            PROVIDERS,
            self.jobs,
            _blobs(settings),
            url_problem=partial(_url_problem, allow_private=settings.allow_private_server_urls),
            addresses=partial(allowed, allow_private=settings.allow_private_server_urls),
            ask=Asker(settings),
            think=Thinker(partial(ask_model, settings)),
            prices=prices.over(settings.prices),
        )
        self.calls = CallService(self.core)
        self.resources = ResourceService(self.core)
        self.legs = LegService(self.core)
        self.media = MediaService(self.core)
        handlers[idempotency.JOB] = partial(idempotency.forget, self.core)
        handlers[analysis.JOB] = partial(analysis.run, self.core)
        handlers[artifacts.TIMER] = partial(artifacts.give_up, self.core)
        handlers[recordings.START] = partial(recordings.start, self.core)
        handlers[recordings.STOP] = partial(recordings.stop, self.core)
        handlers[recordings.FETCH] = partial(recording_files.fetch, self.core)
        handlers[recording_files.ERASE] = partial(recording_files.erase, self.core)
        handlers[recording_files.SWEEP] = partial(recording_files.sweep, self.core)
        handlers["timer"] = partial(timers.fire, self.core)
        handlers[dialing.JOB] = partial(dialing.run, self.core)
        handlers[hanging_up.JOB] = partial(hanging_up.run, self.core)
        handlers[ledger.WATCHDOG] = partial(watchdog.run, self.core)
        handlers[ledger.PRICE] = partial(pricing.run, self.core)
        handlers["deliver"] = Sender(self.store, self.vault, settings)

    def upgrade(self) -> None:
        """Bring the database's schema up to date."""
        migrate.upgrade(self.store)
        self.jobs.install()

    @property
    def talks(self) -> bool:
        """Calls are talked to in this process, unless their assistant says otherwise."""
        return (
            self.settings.assistant_backend == "local" and self.settings.own_media_base is not None
        )

    def start(self) -> str | None:
        """Make ready to serve; returns the API key that was generated, if one was.

        The embedded database is brought up to date here; a server database by the release
        command, so that many instances do not race. Raises ``NotMigrated``.
        """
        if self.store.is_sqlite:
            self.upgrade()
        elif not migrate.is_current(self.store):
            raise NotMigrated("the database is not up to date: run `patchbay db upgrade`")
        key = bootstrap.bootstrap(self.core)
        if key:
            print(f"API key (shown once): {key}", flush=True)  # noqa: T201
        if self.settings.run_jobs:
            recording_files.keep_sweeping(self.core)
            self.jobs.start()
        return key

    def stop(self) -> None:
        self.jobs.stop()
        self.store.close()
