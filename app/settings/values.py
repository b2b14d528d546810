"""The settings as the program has them: one object, with a default for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from urllib.parse import urlsplit

from app.failpoints.plan import Failpoint
from app.plugins import BACKEND_GROUP, Plugin, of_group
from app.settings.carriers import CarrierSettings
from app.settings.vendors import VendorSettings
from providers.common.json_types import JsonObject

QUEUE_MODES = ("off", "wait", "callback")
"""It is refused; it waits; it waits, and its caller may ask for a callback."""

BACKENDS = ("local", "echo", "stream", "vapi")
"""The built-in backends (``app/assistants``)."""

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
