"""Settings: read from the environment once, checked, and passed on as one object.

A wrong value stops the start with a sentence that names its variable. A secret may also be in a
file, whose path is in ``NAME_FILE``. The table of all variables is in docs/settings.md, which a
test compares with this file.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app import heroku
from app.environment import Reader
from app.environment import SettingsError as SettingsError
from app.failpoints.plan import Failpoint
from app.failpoints.plan import parse as parse_failpoints
from app.net.addresses import BadURL, check_url
from app.net.headers import value_problem
from app.plugins import BACKEND_GROUP, Plugin, PluginError, of_group
from app.plugins import load as load_plugins
from app.private_files import make_directory, tighten
from app.vendors import registry
from app.vendors.common.account import MODELS_DIR
from app.vendors.common.vendor import Vendor
from providers.base.carrier import Carrier
from providers.base.setting import API_URL, NUMBER, SIP_DOMAIN, Setting, SettingKind
from providers.common.e164 import EITHER
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import NotConfigured
from providers.registry import PROVIDERS

QUEUE_MODES = ("off", "wait", "callback")
"""It is refused; it waits; it waits, and its caller may ask for a callback."""

BACKENDS = ("local", "echo", "stream", "vapi")
"""The built-in backends (``app/assistants``)."""

SHORTEST_KEY = 20
HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
"""Characters of an API key outside development."""

ASSISTANT_DEFAULT_SECONDS = 600
"""Default of ``maxDurationSeconds``, for a call and an assistant without one."""

DELIVERY_SCHEDULE = (
    0.0,  # at once
    5.0,
    5 * 60.0,
    30 * 60.0,
    2 * 3600.0,
    5 * 3600.0,
    10 * 3600.0,
    14 * 3600.0,
    20 * 3600.0,
    24 * 3600.0,
)
"""Seconds before each attempt of a server message: 10 attempts over 75 h 35 m 5 s."""


@dataclass(frozen=True)
class CarrierSettings:
    """The default organisation's account at one carrier, from the environment."""

    provider: str
    credential: JsonObject = field(repr=False)
    """The body for ``Carrier.config.credential``."""
    number: str | None = None
    api_url: str | None = None
    sip_domain: str | None = None
    """The domain of SIP calls that may join a web call."""


@dataclass(frozen=True)
class VendorSettings:
    """The operator's account at one vendor of models, voices or transcribers."""

    provider: str
    key: str | None = field(default=None, repr=False)
    url: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Settings:
    """All settings of the program. Values are in seconds where the name says seconds."""

    secret_keys: tuple[str, ...] = field(repr=False)
    public_url: str = "http://localhost:8000"
    port: int = 8000
    database_url: str = "sqlite:///var/patchbay.db"
    api_key: str | None = field(default=None, repr=False)
    trusted_proxies: int = 0
    """Proxies in front that each add an entry to X-Forwarded-For. 0: the header is ignored."""
    protect_metrics: bool = False
    protect_docs: bool = False
    metrics_token: str | None = field(default=None, repr=False)
    """The only token that opens ``/metrics``. Without one an API key does."""
    server_url: str | None = None
    server_secret: str | None = field(default=None, repr=False)
    owner_callback_url: str | None = None
    """Where the flow's owner gets what carriers send to our URLs without a token."""
    allow_private_server_urls: bool = False
    allowed_return_hosts: frozenset[str] = frozenset()
    allowed_countries: frozenset[str] = frozenset()
    """ISO codes and ``+`` calling codes. Empty: the countries of the organisation's numbers."""
    allowed_sip_hosts: frozenset[str] = frozenset()
    carriers: tuple[CarrierSettings, ...] = ()
    vendors: tuple[VendorSettings, ...] = ()
    assistant_id: str | None = None
    assistant_backend: str = "local"
    stream_url: str | None = None
    fallback_voice: Mapping[str, str] | None = None
    """An assistant's ``voice``: ``provider`` and, for most vendors, ``voiceId``."""
    fallback_transcriber: Mapping[str, str] | None = None
    """An assistant's ``transcriber``: ``provider``, and perhaps ``model``."""
    fallback_model: Mapping[str, str] | None = None
    """An assistant's ``model``: ``provider``, and for most vendors ``model``."""
    eager_model_requests: bool = False
    """Ask the model while a caller's pause is still waited out."""
    vapi_voices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """A name of Vapi's voices in lower case, or ``*`` -> the ``voice`` that speaks it."""
    settle_seconds: float = 3.0
    join_timeout_seconds: float = 30.0
    bypass_ttl_seconds: float = 300.0
    reconcile_seconds: float = 60.0
    max_forward_seconds: int = 7200
    assistant_request_seconds: float = 7.5
    price_seconds: float = 30.0
    """Delay from a call's end to the request for its price. 0: no request."""
    currency_rates: Mapping[str, Decimal] = field(default_factory=dict)
    """Currency -> US dollars for one unit."""
    prices: JsonObject | None = None
    """PRICES_FILE: vendors' prices, merged over the shipped ones (``costs/vendor_prices.py``)."""
    rate_limit_per_minute: int = 6000
    dial_limit_per_hour: int = 600
    dial_minutes_per_hour: int = 3000
    """Limits of what one API key, or an assistant's forwards, may cost (``legs/dial_limit.py``)."""
    max_concurrent_calls: int = 0
    queue: str = "off"
    """What a leg does that finds no slot (``legs/queue``): one of ``QUEUE_MODES``."""
    queue_seconds: int = 600
    """The longest wait."""
    hold_audio_url: str | None = None
    """What a leg hears that waits; None: music of ours."""
    max_calls_per_process: int = 10
    """Limit of calls whose assistant runs in the process itself."""
    drain_seconds: float = 20.0
    keep_alive_seconds: float = 95.0
    """How long an idle connection is kept: longer than routers in front keep theirs."""
    max_connections: int = 0
    """Connections of one process. 0: as many as descriptors allow."""
    max_unfinished_per_address: int = 100
    """Connections of one address that have not sent a whole head. 0: no limit."""
    ended_reasons: str = "extended"
    recordings_dir: str = "var/recordings"
    disk_is_wiped: bool = False
    """Whether this machine's disk is emptied with every restart, as a dyno's is."""
    recordings_url: str | None = None
    """``s3://bucket/prefix`` for recordings; it replaces the directory."""
    s3_endpoint: str = "https://s3.amazonaws.com"
    s3_access_key_id: str | None = None
    s3_secret_access_key: str | None = field(default=None, repr=False)
    s3_region: str = "us-east-1"
    recording_retention_days: float = 0
    call_retention_days: float = 0
    event_body_retention_days: float = 90
    """Of the carriers' own words in the events of a call."""
    message_retention_days: float = 90
    """Of the texts and attempts of server messages."""
    recording_url_seconds: float = 86_400.0
    """How long a link in the end-of-call-report is valid."""
    artifact_wait_seconds: float = 20.0
    """How long the end-of-call-report waits for the call's artifacts."""
    media_urls: tuple[str, ...] = ()
    serve_media: bool = True
    run_jobs: bool = True
    log_level: str = "INFO"
    log_format: str = "text"
    log_numbers: str = "masked"
    """How the log shows phone numbers: masked, or full."""
    access_log: bool = False
    sentry_dsn: str | None = field(default=None, repr=False)
    plugins: tuple[Plugin, ...] = ()
    failpoints: tuple[Failpoint, ...] = ()
    """Places where the process fails on purpose. Tests only."""
    delivery_schedule: tuple[float, ...] = DELIVERY_SCHEDULE

    @cached_property
    def backends(self) -> tuple[str, ...]:
        """Names of the backends that may answer the media socket."""
        return (*BACKENDS, *of_group(self.plugins, BACKEND_GROUP))

    @cached_property
    def media_bases(self) -> tuple[str, ...]:
        """Addresses where carriers open the media socket: ``wss://`` for ``https://``."""
        return tuple(re.sub("^http", "ws", url) for url in self.media_urls or (self.public_url,))

    @cached_property
    def own_media_base(self) -> str | None:
        """This process's own address for media sockets; None if it takes none or has several."""
        bases = self.media_bases
        return bases[0] if self.serve_media and len(bases) == 1 else None

    @property
    def only_media(self) -> bool:
        """Whether this process serves media only: its address differs from the API's."""
        return self.own_media_base is not None and self.media_urls not in ((), (self.public_url,))

    @property
    def loses_recordings(self) -> bool:
        """Whether recordings are kept where the next restart wipes them."""
        return self.disk_is_wiped and self.recordings_url is None

    @property
    def development(self) -> bool:
        """Whether PUBLIC_URL is local: checks that protect a deployment are then relaxed."""
        return is_local(self.public_url)


def is_local(url: str) -> bool:
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment. Raises ``SettingsError``."""
    return _Reader(os.environ if environ is None else environ).settings()


class _Reader(Reader):
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

    def carriers(self) -> tuple[CarrierSettings, ...]:
        found = (self.carrier(carrier) for carrier in PROVIDERS.values())
        return tuple(each for each in found if each is not None)

    def carrier(self, carrier: Carrier) -> CarrierSettings | None:
        """The default account at a carrier; None when neither account nor number is set."""
        needed = {s: self.value_of(s) for s in carrier.settings if s.required}
        number = next((self.text(s.variable) for s in carrier.settings if s.field == NUMBER), None)
        domain = next((s.variable for s in carrier.settings if s.field == SIP_DOMAIN), "")
        if not (number or any(needed.values()) or self.text(domain)):
            return None
        missing = [setting.variable for setting, value in needed.items() if not value]
        if missing:
            raise SettingsError(
                f"{missing[0]} is not set, but others of this carrier are: set it, or unset them"
            )
        values = {s.field: self.value_of(s) for s in carrier.settings}
        body = {name: value for name, value in values.items() if value}
        body.pop(NUMBER, None)
        api_url, sip_domain = body.pop(API_URL, None), body.pop(SIP_DOMAIN, None)
        _check_account(carrier, body)
        _check_number(carrier, number)
        return CarrierSettings(carrier.name, body, number, api_url, sip_domain)

    def value_of(self, setting: Setting) -> Any:
        """The value of a carrier's variable, read by its kind."""
        match setting.kind:
            case SettingKind.TEXT:
                return self.text(setting.variable)
            case SettingKind.SECRET:
                return self.secret(setting.variable)
            case SettingKind.LIST:
                return list(self.words_secret(setting.variable))
            case SettingKind.PEM:
                return (self.secret(setting.variable) or "").replace("\\n", "\n")
            case SettingKind.HOST:
                return self.host(setting.variable)
            case SettingKind.URL:
                return self.url(setting.variable, None, ("http", "https"))

    def host(self, name: str) -> str | None:
        host = (self.text(name) or "").lower()
        if host and not HOST.fullmatch(host):
            raise SettingsError(f"{name} must be the name of a host; it is {host!r}")
        return host or None

    def vendors(self) -> tuple[VendorSettings, ...]:
        found = (self.vendor(vendor) for vendor in registry.with_account().values())
        return (*(vendor for vendor in found if vendor.key or vendor.url), *self.local_programs())

    def local_programs(self) -> tuple[VendorSettings, ...]:
        """The programs of this machine, where they are told which models they have."""
        text = self.text("LOCAL_MODELS_DIR")
        if text is None:
            return ()
        path = Path(text).resolve()
        if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
            kinds = " and ".join(f"{name}/" for name in registry.local_programs())
            raise SettingsError(
                f"LOCAL_MODELS_DIR must be a directory that may be read, with {kinds} in it; "
                f"it is {text!r}"
            )
        extra = {MODELS_DIR: str(path)}
        return tuple(VendorSettings(name, extra=extra) for name in registry.local_programs())

    def vendor(self, vendor: Vendor) -> VendorSettings:
        key = self.header(vendor.key_variable)
        url = self.url(vendor.url_variable, None, vendor.form.schemes)
        if url and (problem := vendor.form.problem(url)):
            raise SettingsError(f"{vendor.url_variable} {problem}; it is {url!r}")
        if vendor.key_needs_url and key and not url:
            raise SettingsError(f"{vendor.url_variable} must be set beside {vendor.key_variable}")
        given = {field: self.header_text(name) for field, name in vendor.extra_variables.items()}
        extra = {field: value for field, value in given.items() if value}
        problem = vendor.region_problem(url, extra.get("region")) if key else None
        if problem:
            raise SettingsError(f"{vendor.extra_variables['region']} {problem}")
        return VendorSettings(vendor.name, key, url, extra)

    def secret_keys(self, database_url: str) -> tuple[str, ...]:
        keys = self.words_secret("SECRET_KEY")
        if any(len(key) < 16 for key in keys):
            raise SettingsError("SECRET_KEY must have at least 16 characters")
        return keys or (self.own_secret_key(database_url),)

    def own_secret_key(self, database_url: str) -> str:
        """The generated SECRET_KEY beside the SQLite file. A server database has no such place."""
        if not database_url.startswith("sqlite"):
            raise SettingsError("SECRET_KEY must be set when DATABASE_URL is not SQLite")
        path = Path(database_url.split("///", 1)[-1]).parent / "secret_key"
        if not path.exists():
            _make_once(path, secrets.token_urlsafe(48))
        tighten(path)
        key = path.read_text().strip()
        if not key:
            raise SettingsError(f"SECRET_KEY is not set, and {path} is empty: remove it")
        return key

    def database(self) -> str:
        url = self.secret("DATABASE_URL") or "sqlite:///var/patchbay.db"
        if not re.match(r"(sqlite:///|postgres(ql)?(\+psycopg)?://)", url):
            raise SettingsError("DATABASE_URL must begin with sqlite:/// or postgresql://")
        _check_database(url)
        wiped = heroku.is_dyno(self.environ)
        if url.startswith("sqlite") and wiped and not self.flag("ALLOW_SQLITE", False):
            raise SettingsError(
                "DATABASE_URL is SQLite, but a Heroku dyno's disk is wiped daily: "
                "add a PostgreSQL, or set ALLOW_SQLITE=1 if losing every call is fine"
            )
        return url

    def recordings_dir(self, database_url: str) -> str:
        """The directory of recordings. Its default is beside the SQLite file."""
        beside = Path(database_url.split("///", 1)[-1]).parent
        default = beside if database_url.startswith("sqlite") else Path("var")
        return self.text("RECORDINGS_DIR") or str(default / "recordings")

    def bucket(self) -> JsonDict:
        """The bucket of RECORDINGS_URL. A bucket needs an access key, because writing needs one."""
        url = self.text("RECORDINGS_URL")
        if url is None:
            return {}
        if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*/?", url):
            raise SettingsError(f"RECORDINGS_URL must be s3://bucket/prefix; it is {url!r}")
        region = self.text("S3_REGION") or "us-east-1"
        if not re.fullmatch("[A-Za-z0-9-]+", region):
            raise SettingsError("S3_REGION must be of letters, digits and -, such as eu-central-1")
        amazon = f"https://s3.{region}.amazonaws.com"
        found = {
            "recordings_url": url.rstrip("/"),
            "s3_endpoint": self.url("S3_ENDPOINT", amazon, ("http", "https")),
            "s3_access_key_id": self.header("S3_ACCESS_KEY_ID"),
            "s3_secret_access_key": self.header("S3_SECRET_ACCESS_KEY"),
            "s3_region": region,
        }
        for name in ("s3_access_key_id", "s3_secret_access_key"):
            if not found[name]:
                raise SettingsError(f"{name.upper()} must be set when RECORDINGS_URL is")
        return found

    def header(self, name: str) -> str | None:
        """A secret that is sent as a header, or a part of one."""
        return _sendable(name, self.secret(name))

    def header_text(self, name: str) -> str | None:
        return _sendable(name, self.text(name))

    def absolute_url(self, name: str, value: str, schemes: tuple[str, ...]) -> str:
        """Also checked by the code that will call it. The operator's own may be private."""
        try:
            found = super().absolute_url(name, value, schemes)
            check_url(re.sub("^ws", "http", found), allow_private=True)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}; it is {value!r}") from error
        return found

    def called_url(self, name: str) -> str | None:
        """A server of the operator's that gets requests of ours."""
        url = self.target_url(name, ("http", "https"))
        try:
            if url:
                check_url(url, self.flag("ALLOW_PRIVATE_SERVER_URLS", False))
        except BadURL as error:
            raise SettingsError(
                f"{name}: {error}; change it, or set ALLOW_PRIVATE_SERVER_URLS=1"
            ) from error
        return url

    def stream_url(self) -> str | None:
        url = self.target_url("STREAM_URL", ("ws", "wss"))
        if self.text("ASSISTANT_BACKEND") == "stream" and not url:
            raise SettingsError("STREAM_URL must be set when ASSISTANT_BACKEND is stream")
        return url

    def fallback_voice(self) -> Mapping[str, str] | None:
        value = self.text("FALLBACK_VOICE")
        return self.voice("FALLBACK_VOICE", value) if value else None

    def vapi_voices(self) -> Mapping[str, Mapping[str, str]]:
        """``Elliot=provider:voiceId``, each name once, in any case."""
        found = dict[str, Mapping[str, str]]()
        for word in self.words("VAPI_VOICES"):
            name, equals, value = (each.strip() for each in word.partition("="))
            if not name or not equals or name.lower() in found:
                raise SettingsError(
                    "VAPI_VOICES must list Vapi's names, each once, with the voice that speaks: "
                    f"Elliot={registry.FALLBACK_EXAMPLE},*=embedded; it has {word!r}"
                )
            found[name.lower()] = self.voice("VAPI_VOICES", value)
        return found

    def voice(self, variable: str, value: str) -> Mapping[str, str]:
        """``provider:voiceId``. A provider without accounts needs no ``voiceId``."""
        given, _, voice = value.partition(":")
        provider, known = registry.name_of(given), registry.fallback_voices()
        if provider not in known or not (voice or known[provider].speaks_by_itself):
            raise SettingsError(
                f"{variable} must have provider:voiceId, such as "
                f"{registry.FALLBACK_EXAMPLE}, or embedded, with a "
                f"provider of {', '.join(known)}; it has {value!r}"
            )
        return {"provider": provider, **({"voiceId": voice} if voice else {})}

    def fallback_transcriber(self) -> Mapping[str, str] | None:
        """``provider`` or ``provider:model``."""
        value = self.text("FALLBACK_TRANSCRIBER")
        known = registry.fallback_transcribers()
        found = _named_model(value)
        part = known.get(found["provider"])
        if value and (part is None or ("model" in found and "model" not in part.fields)):
            example = registry.FALLBACK_TRANSCRIBER_EXAMPLE
            raise SettingsError(_no_fallback("FALLBACK_TRANSCRIBER", value, example, known))
        return found if value else None

    def fallback_model(self) -> Mapping[str, str] | None:
        """``provider:model``. A provider with a default needs no model."""
        value = self.text("FALLBACK_MODEL")
        known = registry.fallback_models()
        found = _named_model(value)
        part = known.get(found["provider"])
        if value and (part is None or ("model" not in found and part.model is None)):
            example = registry.FALLBACK_MODEL_EXAMPLE
            raise SettingsError(_no_fallback("FALLBACK_MODEL", value, example, known))
        return found if value else None


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _check_account(carrier: Carrier, body: JsonObject) -> None:
    """Raise the carrier's own sentence about its account, with the variable in front."""
    try:
        ref, _, secrets = carrier.config.credential(body)
        carrier.config.account(ref, secrets)
    except NotConfigured as error:
        raise SettingsError(f"{_variable(carrier, str(error))}: {error}") from error


def _variable(carrier: Carrier, sentence: str) -> str:
    """The variable of the field that a sentence names: ``applicationId`` of ``vonageApplicationId``."""
    for word in re.findall(r"[a-z]+[A-Z]\w*", sentence):
        for setting in carrier.settings:
            if setting.field.lower().endswith(word.lower()):
                return setting.variable
    return ", ".join(setting.variable for setting in carrier.settings if setting.required)


def _check_number(carrier: Carrier, number: str | None) -> None:
    if number and not EITHER.fullmatch(number):
        variable = next(s.variable for s in carrier.settings if s.field == NUMBER)
        raise SettingsError(
            f"{variable} must be a phone number like +14155550100 (E.164); it is {number!r}"
        )


def _check_database(url: str) -> None:
    """Raise for an address that no driver would understand. Its password is not repeated."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            "DATABASE_URL cannot be read: its port must be a number, and signs such as @ and : "
            "in its password must be written as %40 and %3A"
        ) from error
    if url.startswith("sqlite") and (not found.database or found.database == ":memory:"):
        raise SettingsError("DATABASE_URL: SQLite needs a file, such as sqlite:///var/patchbay.db")


def _named_model(value: str | None) -> dict[str, str]:
    """``provider:model`` as an assistant has it."""
    provider, _, model = (value or "").partition(":")
    return {"provider": provider, **({"model": model} if model else {})}


def _no_fallback(name: str, value: str, example: str, known: Collection[str]) -> str:
    return (
        f"{name} must be provider:model, such as {example}, with a provider of "
        f"{', '.join(known)}; it is {value!r}"
    )


def _sendable(name: str, value: str | None) -> str | None:
    problem = value_problem(value) if value else None
    if problem:
        raise SettingsError(f"{name} {problem}")
    return value


def _make_once(path: Path, text: str) -> None:
    """Write a file that does not exist yet. Processes may race: one wins, and none reads half."""
    make_directory(path.parent)
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(mine, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    with contextlib.suppress(FileExistsError):
        os.link(mine, path)
    mine.unlink()
