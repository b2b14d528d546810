"""Reads the settings from the environment, each by its kind, and checks them."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from app import heroku
from app.environment import SettingsError
from app.failpoints.plan import parse as parse_failpoints
from app.plugins import BACKEND_GROUP, Plugin, PluginError, of_group
from app.plugins import load as load_plugins
from app.settings.carriers import CarrierReader
from app.settings.storage import StorageReader
from app.settings.values import BACKENDS, QUEUE_MODES, Settings, is_local
from app.settings.vendors import VendorReader
from providers.common.json_types import JsonObject

SHORTEST_KEY = 20
"""Characters of an API key outside development."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment. Raises ``SettingsError``."""
    return _Reader(os.environ if environ is None else environ).settings()


class _Reader(CarrierReader, VendorReader, StorageReader):
    def settings(self) -> Settings:
        loaded = self.plugins()  # first: plugins add settings
        backends = (*BACKENDS, *of_group(loaded, BACKEND_GROUP))
        port = self.integer("PORT", 8000, 1, 65535)
        database_url = self.database()
        public_url = self.public_url(port)
        return Settings(
            secret_keys=self.secret_keys(database_url),
            public_url=public_url,
            port=port,
            database_url=database_url,
            api_key=self.door_key("API_KEY", self.header("API_KEY"), public_url),
            trusted_proxies=self.integer("TRUSTED_PROXIES", 0, 0, 10),
            protect_metrics=self.flag("PROTECT_METRICS", False),
            protect_docs=self.flag("PROTECT_DOCS", False),
            metrics_token=self.door_key("METRICS_TOKEN", self.header("METRICS_TOKEN"), public_url),
            server_url=self.called_url("SERVER_URL"),
            server_secret=self.header("SERVER_SECRET"),
            owner_callback_url=self.called_url("OWNER_CALLBACK_URL"),
            allow_private_server_urls=self.flag("ALLOW_PRIVATE_SERVER_URLS", False),
            allowed_return_hosts=frozenset(self.words("ALLOWED_RETURN_HOSTS")),
            allowed_countries=self.countries(),
            allowed_sip_hosts=frozenset(host.lower() for host in self.words("ALLOWED_SIP_HOSTS")),
            carriers=self.carriers(),
            vendors=self.vendors(),
            assistant_id=self.assistant_id(),
            assistant_backend=self.choice("ASSISTANT_BACKEND", "local", backends),
            stream_url=self.stream_url(),
            fallback_voice=self.fallback_voice(),
            fallback_transcriber=self.fallback_transcriber(),
            fallback_model=self.fallback_model(),
            eager_model_requests=self.flag("EAGER_MODEL_REQUESTS", False),
            vapi_voices=self.vapi_voices(),
            settle_seconds=self.number("SETTLE_SECONDS", 3, 0, 60),
            join_timeout_seconds=self.number("JOIN_TIMEOUT_SECONDS", 30, 1, 600),
            bypass_ttl_seconds=self.number("BYPASS_TTL_SECONDS", 300, 1, 86400),
            reconcile_seconds=self.number("RECONCILE_SECONDS", 60, 1, 3600),
            max_forward_seconds=self.integer("MAX_FORWARD_SECONDS", 7200, 10, 86400),
            assistant_request_seconds=self.number("ASSISTANT_REQUEST_SECONDS", 7.5, 0.1, 14),
            price_seconds=self.number("PRICE_SECONDS", 30, 0, 3600),
            currency_rates=self.currency_rates(),
            prices=self.prices(),
            rate_limit_per_minute=self.integer("RATE_LIMIT_PER_MINUTE", 6000, 0, 1_000_000),
            dial_limit_per_hour=self.integer("DIAL_LIMIT_PER_HOUR", 600, 0, 1_000_000),
            dial_minutes_per_hour=self.integer("DIAL_MINUTES_PER_HOUR", 3000, 0, 10_000_000),
            queue=self.choice("QUEUE", "off", QUEUE_MODES),
            queue_seconds=self.integer("QUEUE_SECONDS", 600, 10, 7200),
            hold_audio_url=self.url("HOLD_AUDIO_URL", None, ("http", "https")),
            max_concurrent_calls=self.integer("MAX_CONCURRENT_CALLS", 0, 0, 1_000_000),
            ended_reasons=self.choice("ENDED_REASONS", "extended", ("extended", "seed")),
            recordings_dir=self.recordings_dir(database_url),
            disk_is_wiped=heroku.is_dyno(self.environ),
            **self.bucket(),
            recording_retention_days=self.number("RECORDING_RETENTION_DAYS", 0, 0, 36_500),
            call_retention_days=self.number("CALL_RETENTION_DAYS", 0, 0, 36_500),
            event_body_retention_days=self.number("EVENT_BODY_RETENTION_DAYS", 90, 0, 36_500),
            message_retention_days=self.number("MESSAGE_RETENTION_DAYS", 90, 0, 36_500),
            recording_url_seconds=self.number("RECORDING_URL_SECONDS", 86_400, 60, 604_800),
            artifact_wait_seconds=self.number("ARTIFACT_WAIT_SECONDS", 20, 0, 600),
            max_calls_per_process=self.integer("MAX_CALLS_PER_PROCESS", 10, 0, 100_000),
            drain_seconds=self.drain_seconds(),
            keep_alive_seconds=self.number("KEEP_ALIVE_SECONDS", 95, 1, 3600),
            max_connections=self.integer("MAX_CONNECTIONS", 0, 0, 1_000_000),
            max_unfinished_per_address=self.integer(
                "MAX_UNFINISHED_PER_ADDRESS", 100, 0, 1_000_000
            ),
            media_urls=self.media_urls(),
            serve_media=self.flag("SERVE_MEDIA", True),
            run_jobs=self.flag("RUN_JOBS", True),
            log_level=self.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
            log_format=self.log_format(),
            log_numbers=self.choice("LOG_NUMBERS", "masked", ("masked", "full")),
            access_log=self.flag("ACCESS_LOG", False),
            sentry_dsn=self.header("SENTRY_DSN"),
            plugins=loaded,
            failpoints=parse_failpoints(self.words("FAILPOINT")),
        )

    def public_url(self, port: int) -> str:
        """A dyno may know its own. A web server that carriers cannot reach is none."""
        found = self.url("PUBLIC_URL", heroku.address(self.environ), ("http", "https"))
        if found is None and heroku.serves(self.environ):
            raise SettingsError(heroku.NO_ADDRESS)
        return found or f"http://localhost:{port}"

    def assistant_id(self) -> str | None:
        text = self.text("ASSISTANT_ID")
        if text and not _is_id(text):
            raise SettingsError(
                f"ASSISTANT_ID must be the id of a stored assistant (POST /assistant); it is {text!r}"
            )
        return text and text.lower()

    def plugins(self) -> tuple[Plugin, ...]:
        try:
            loaded = load_plugins(self.words("PLUGINS"))
        except PluginError as error:
            raise SettingsError(str(error)) from error
        for name in of_group(loaded, BACKEND_GROUP):
            if name in BACKENDS:
                raise SettingsError(f"PLUGINS: there is an assistant backend {name!r} already")
        return loaded

    def door_key(self, name: str, key: str | None, public_url: str) -> str | None:
        """A secret that opens the API. A short one is refused where strangers can try it."""
        if key and len(key) < SHORTEST_KEY and not is_local(public_url):
            raise SettingsError(
                f"{name} must have at least {SHORTEST_KEY} characters, so that it cannot be "
                "guessed: python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
            )
        return key

    def media_urls(self) -> tuple[str, ...]:
        return tuple(
            self.checked_url("MEDIA_URL", url, ("http", "https")) for url in self.words("MEDIA_URL")
        )

    def countries(self) -> frozenset[str]:
        words = frozenset(word.upper() for word in self.words("ALLOWED_COUNTRIES"))
        wrong = [word for word in words if not re.fullmatch(r"[A-Z]{2}|\+[1-9]\d{0,5}", word)]
        if wrong:
            raise SettingsError(
                "ALLOWED_COUNTRIES must list ISO codes (US) or calling codes (+1); "
                f"it has {wrong[0]!r}"
            )
        return words

    def currency_rates(self) -> dict[str, Decimal]:
        rates = {}
        for word in self.words("CURRENCY_RATES"):
            found = re.fullmatch(r"([A-Z]{3})=(\d{1,9}(?:\.\d{1,9})?)", word)
            if found is None or found[1] == "USD" or not Decimal(found[2]):
                raise SettingsError(
                    "CURRENCY_RATES must list US dollars for one of a currency (EUR=1.08,GBP=1.27); "
                    f"it has {word!r}"
                )
            rates[found[1]] = Decimal(found[2])
        return rates

    def prices(self) -> JsonObject | None:
        path = self.text("PRICES_FILE")
        if path is None:
            return None
        try:
            found = json.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise SettingsError(f"PRICES_FILE cannot be read as JSON: {error}") from error
        if not isinstance(found, Mapping):
            raise SettingsError(
                "PRICES_FILE must be a JSON object like app/domain/costs/prices.json"
            )
        return found

    def stream_url(self) -> str | None:
        url = self.target_url("STREAM_URL", ("ws", "wss"))
        if self.text("ASSISTANT_BACKEND") == "stream" and not url:
            raise SettingsError("STREAM_URL must be set when ASSISTANT_BACKEND is stream")
        return url


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
