"""What an operator's probes are told, with the database and without."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from app import create_app, deadline
from app.domain import cluster
from app.domain.timings import Timing
from app.routes import health
from app.routes.health import LATE_SECONDS
from app.settings import Settings
from app.store import engine
from app.store.faults import REPLACED
from app.telemetry.metrics import HISTOGRAMS
from app.wiring import Services
from tests.databases import sqlite_template
from tests.routes.api import Api, organisation, refused

ROOT = Path(__file__).parents[2]
AWAY = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def without_database(settings: Settings) -> Flask:
    return create_app(replace(settings, database_url=AWAY))


@pytest.fixture
def empty(settings: Settings, tmp_path: Path) -> Flask:
    """On a database nobody migrated."""
    return create_app(replace(settings, database_url=f"sqlite:///{tmp_path}/empty.db"))


def test_alive(app: Flask, without_database: Flask) -> None:
    for one in (app, without_database):
        answer = one.test_client().get("/healthz")
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready(app: Flask) -> None:
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "database": "ok", "jobs": "ok"}


def test_not_ready_without_database(without_database: Flask) -> None:
    answer = without_database.test_client().get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, "not reachable")
    assert answer.headers["Retry-After"] == "1"


def test_not_ready_before_migrating(empty: Flask) -> None:
    answer = empty.test_client().get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, "not migrated to this version")
    assert answer.headers["Retry-After"] == "1"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with sqlite3.connect(path, isolation_level=None) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


@contextmanager
def away(path: Path) -> Iterator[None]:
    aside = path.with_name("aside")
    path.rename(aside)
    yield
    aside.rename(path)


@contextmanager
def read_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As root every file can be written, so the connections are told."""
    with monkeypatch.context() as patched:
        patched.setattr(engine, "_PRAGMAS", (*engine._PRAGMAS, "query_only=ON"))
        yield


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("locked", "locked by another process"),
        ("away", REPLACED),
        ("read_only", "read-only: give the user"),
    ],
)
def test_not_ready_while_nothing_can_be_written(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    """What can still be read is no help: nothing is acknowledged that is not stored."""
    monkeypatch.setattr(health, "STORE_SECONDS", deadline.MARGIN_SECONDS + 0.05)
    monkeypatch.setattr(cluster, "PROBE_SECONDS", 0.0)
    shutil.copy(sqlite_template(), path := tmp_path / "faults.db")
    app = create_app(replace(settings, database_url=f"sqlite:///{path}"))
    client, store = app.test_client(), app.extensions["patchbay"].store
    assert client.get("/readyz").status_code == 200
    faults = {
        "locked": locked,
        "away": away,
        "read_only": partial(read_only, monkeypatch=monkeypatch),
    }
    if fault == "read_only":
        store.close()  # the next connections are others
    with faults[fault](path):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json["database"].startswith(said)
        assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json["database"] == "ok"
    store.close()


def test_the_outcome_of_a_write_is_believed_for_a_moment(app: Flask) -> None:
    """Anyone may ask for it, as often as they like."""
    services: Services = app.extensions["patchbay"]
    presence = services.context.presence
    services.media.heartbeat()
    written = presence._written_at
    assert app.test_client().get("/readyz").status_code == 200
    assert presence._written_at == written


def test_not_ready_while_the_process_stops(app: Flask) -> None:
    app.extensions["patchbay"].context.presence.draining = True
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["process"]) == (503, "stopping")
    assert app.test_client().get("/healthz").status_code == 200


def test_not_ready_while_pipecat_is_loaded(app: Flask) -> None:
    presence = app.extensions["patchbay"].context.presence
    presence.warming = True
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["process"]) == (503, "warming")
    assert answer.headers["Retry-After"] == "1"
    assert app.test_client().get("/healthz").status_code == 200
    presence.warming = False
    assert app.test_client().get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("media_urls", "status"),
    [
        (("https://sound.example",), 503),  # all it is for
        ((), 200),  # its API is as good as ever
    ],
)
def test_ready_without_room(settings: Settings, media_urls: tuple[str, ...], status: int) -> None:
    app = create_app(replace(settings, media_urls=media_urls, max_calls_per_process=1))
    app.extensions["patchbay"].upgrade()
    assert app.extensions["patchbay"].context.presence.acquire("local") is None
    assert app.test_client().get("/readyz").status_code == status


def sample(app: Flask, name: str, **labels: str) -> float | None:
    """The value of one line of ``/metrics``; None when there is none."""
    families = text_string_to_metric_families(app.test_client().get("/metrics").text)
    found = [each for family in families for each in family.samples if each.name == name]
    return next((each.value for each in found if each.labels == labels), None)


def test_metrics_of_the_process(app: Flask) -> None:
    presence = app.extensions["patchbay"].context.presence
    presence.acquire("local")
    presence.sockets, presence.draining, presence.lag = 3, True, 0.0421
    for name, value in (
        ("patchbay_media_sockets", 3),
        ("patchbay_process_calls", 1),
        ("patchbay_process_calls_limit", 10),
        ("patchbay_draining", 1),
        ("patchbay_event_loop_lag_seconds", 0.042),
    ):
        assert sample(app, name) == value


def test_late_jobs_are_told_and_refuse_no_traffic(app: Flask) -> None:
    services: Services = app.extensions["patchbay"]
    with services.store.write() as conn:
        services.jobs.enqueue(conn, "timer", "key", {}, delay=0)
    now = services.context.now() + timedelta(seconds=LATE_SECONDS + 30)
    object.__setattr__(services.context, "now", lambda: now)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json["jobs"].startswith("late by ")


def test_metrics(app: Flask, api: Api) -> None:
    api.call(assistant={"serverUrl": "http://127.0.0.1:9/"})
    api.call()
    answer = app.test_client().get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert sample(app, "patchbay_calls", status="queued") == 2
    assert sample(app, "patchbay_messages", state="pending") == 1
    assert "patchbay_messages_oldest_pending_seconds " in answer.text
    for secret in (api.org_id, "+1415", "127.0.0.1"):
        assert secret not in answer.text


def test_metrics_of_nothing(app: Flask) -> None:
    assert sample(app, "patchbay_messages_oldest_pending_seconds") == 0
    for timing in HISTOGRAMS.values():
        assert sample(app, f"{timing.name}_count") == 0


def test_every_metric_is_documented_and_no_other(app: Flask) -> None:
    page = (ROOT / "docs" / "operations.md").read_text().partition("## Logs")[0]
    rows = re.findall(r"^\| (`patchbay_.*?) \|", page, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(patchbay_\w+)", row)]
    families = text_string_to_metric_families(app.test_client().get("/metrics").text)
    assert sorted(documented) == sorted(family.name for family in families)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        # as Prometheus asks
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0"),
        ("*/*", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=x", "text/plain; version=0.0.4"),  # no version
    ],
)
def test_the_format_a_scraper_accepts(app: Flask, accept: str, content_type: str) -> None:
    answer = app.test_client().get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.content_type.startswith(content_type)
    read = open_metrics if "openmetrics" in content_type else text_string_to_metric_families
    assert "patchbay_turn_latency_seconds" in [family.name for family in read(answer.text)]


def test_what_is_measured_is_shown(app: Flask, settings: Settings) -> None:
    """Of this application: another one in the same process has its own."""
    context = app.extensions["patchbay"].context
    for seconds in (0.3, 0.9, 7200.0, -1.0):  # clocks differ: none is below 0
        context.observe(Timing.TURN_LATENCY, seconds)
    other = create_app(settings)
    name = HISTOGRAMS[Timing.TURN_LATENCY].name
    assert sample(app, f"{name}_count") == 4
    assert sample(app, f"{name}_sum") == pytest.approx(7201.2)
    assert sample(app, f"{name}_bucket", le="0.5") == 2
    assert sample(app, f"{name}_bucket", le="1.0") == 3
    assert sample(app, f"{name}_bucket", le="+Inf") == 4
    assert sample(app, f"{name}_created") is None
    assert sample(other, f"{name}_count") == 0


def test_no_metrics_without_the_database(without_database: Flask) -> None:
    assert without_database.test_client().get("/metrics").status_code == 503


def test_the_api_without_database_asks_to_try_again(without_database: Flask) -> None:
    answer = Api(without_database, "any key").get("/call")
    assert refused(answer, 503) == "the store is not available: try again"
    assert answer.headers["Retry-After"] == "1"


def test_a_database_that_goes_away_and_comes_back(app: Flask) -> None:
    """Nothing is remembered of the failure."""
    api = organisation(app, "33333333-3333-4333-8333-333333333333", "key")
    services: Services = app.extensions["patchbay"]
    engine = services.store.engine
    services.store.close()  # its open connections
    services.store.engine = sa.create_engine(AWAY.replace("postgresql", "postgresql+psycopg"))
    assert refused(api.get("/assistant"), 503)
    services.store.engine = engine
    assert api.get("/assistant").status_code == 200


def test_a_refusal_for_the_database_is_one_line_in_the_log(
    without_database: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    api = Api(without_database, "any key")
    for _ in range(5):
        assert api.get("/call").status_code == 503
    [record] = [each for each in caplog.records if each.name.startswith("app.")]
    assert record.getMessage().startswith("the database fails: not reachable")
    assert record.exc_info is None
