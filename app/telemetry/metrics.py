"""``GET /metrics``: gauges of the store and of this process, and histograms, by prometheus_client.

No other file imports the library. https://prometheus.github.io/client_python/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.domain.cluster import ProcessRegistry
from app.domain.context import Context
from app.domain.timings import Timing
from app.store import metrics
from app.store.metrics import Counts, Totals
from app.telemetry.recount import Recount
from app.telemetry.shared_metrics import VARIABLE


@dataclass(frozen=True, slots=True)
class Shape:
    """The histogram of a timing. ``buckets``: their upper bounds, in seconds."""

    name: str
    meaning: str
    buckets: Sequence[float]


PARTS_OF_A_TURN = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5)

HISTOGRAMS: Mapping[Timing, Shape] = {
    Timing.JOIN: Shape(
        "patchbay_join_seconds",
        "From the leg that is up to the assistant that is in.",
        (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 30),
    ),
    Timing.CALLBACK: Shape(
        "patchbay_callback_seconds",
        "From a carrier's webhook to our answer.",
        (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
    ),
    Timing.DELIVERY_AGE: Shape(
        "patchbay_messages_delivery_age_seconds",
        "From the creation of a server message to its delivery.",
        (0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 300, 1800, 7200, 21600, 86400),
    ),
    Timing.FIRST_SOUND: Shape(
        "patchbay_first_sound_seconds",
        "From the start of a media stream to the assistant's first audio.",
        (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10),
    ),
    Timing.TURN_LATENCY: Shape(
        "patchbay_turn_latency_seconds",
        "From the caller's last audible sound to the first of the answer.",
        (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 10),
    ),
    Timing.ENDPOINTING_LATENCY: Shape(
        "patchbay_endpointing_latency_seconds",
        "Of a turn: until the model is asked, without the transcriber's part.",
        PARTS_OF_A_TURN,
    ),
    Timing.TRANSCRIBER_LATENCY: Shape(
        "patchbay_transcriber_latency_seconds",
        "Of a turn: from the report that the caller stopped to the last text.",
        PARTS_OF_A_TURN,
    ),
    Timing.MODEL_LATENCY: Shape(
        "patchbay_model_latency_seconds",
        "Of a turn: from the request to the model to its first word.",
        PARTS_OF_A_TURN,
    ),
    Timing.VOICE_LATENCY: Shape(
        "patchbay_voice_latency_seconds",
        "Of a turn: from the model's first word to the voice's audible audio.",
        PARTS_OF_A_TURN,
    ),
    Timing.TRANSPORT_LATENCY: Shape(
        "patchbay_transport_latency_seconds",
        "Of a turn: from the voice's audio to its moment on the line.",
        PARTS_OF_A_TURN,
    ),
}

# each histogram would get a second series with its time of creation
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        """Under gunicorn the workers share a directory, so that each can show the sum of all."""
        self._registry = CollectorRegistry()
        directory = os.environ.get(VARIABLE)
        if directory:
            Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)  # if it was cleaned up
            Workers(self._registry, directory)  # type: ignore[no-untyped-call]
        own = None if directory else self._registry
        self._refused = Counter(
            "patchbay_requests_refused",
            "Clients' requests answered with 503, because too many were waiting.",
            registry=own,
        )
        self._dropped = Counter(
            "patchbay_events_dropped",
            "Events that were not stored, because their call's log was full.",
            registry=own,
        )
        self._connections = ConnectionStates()
        self._registry.register(self._connections)
        self._connections_refused = Counter(
            "patchbay_connections_refused",
            "Connections closed early, by reason.",
            ["reason"],
            registry=own,
        )
        self._not_dialled = Counter(
            "patchbay_dials_refused",
            "Customers and destinations that were not dialled, by the limit that forbids it.",
            ("reason",),
            registry=own,
        )
        self._passed_on = Counter(
            "patchbay_owner_callbacks",
            "Callbacks of flows' owners that are done with, by state: delivered, failed.",
            ("state",),
            registry=own,
        )
        self._histograms = {
            timing: Histogram(shape.name, shape.meaning, buckets=shape.buckets, registry=own)
            for timing, shape in HISTOGRAMS.items()
        }

    def observe(self, timing: Timing, seconds: float) -> None:
        """Add one measurement."""
        self._histograms[timing].observe(max(0.0, seconds))

    def count_refusal(self) -> None:
        """Count a request that was refused because too many were waiting."""
        self._refused.inc()

    def count_dropped_event(self) -> None:
        """Count an event that was not stored, because its call's log was full."""
        self._dropped.inc()

    def count_connection(self, reason: str) -> None:
        """Count a connection that was refused or closed early."""
        self._connections_refused.labels(reason).inc()

    def show_connections(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Show the connections of this process by their state."""
        self._connections.counts = counts

    def count_refused_dial(self, reason: str) -> None:
        """Count a customer or a destination that was not dialled."""
        self._not_dialled.labels(reason).inc()

    def count_passed_on(self, state: str) -> None:
        """Count a callback of a flow's owner that was passed on, or given up."""
        self._passed_on.labels(state).inc()

    def register(self, collector: Collector) -> None:
        """Show this collector's metrics too."""
        self._registry.register(collector)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The text and its content type, in the format the scraper asks for."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # it asks for a version that is not a number
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


class Workers(MultiProcessCollector):
    """The sums of all workers, from the files in ``path``."""

    def collect(self) -> Iterable[Metric]:
        """Leave out the files that a worker is about to begin: the library fails on them."""
        files = Path(self._path).glob("*.db")
        begun = [str(each) for each in files if each.stat().st_size]
        return self.merge(begun, accumulate=True)  # type: ignore[no-untyped-call, no-any-return]


class ConnectionStates(Collector):
    """The gauge of open connections, once a server counts them."""

    counts: Callable[[], Mapping[str, int]] = dict

    def collect(self) -> Iterator[Metric]:
        yield _labelled(
            "connections", "Connections of this process, by state.", "state", self.counts()
        )


class State(Collector):
    """Gauges of the state at the moment of the scrape."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._totals = Recount[Totals]()

    def collect(self) -> Iterator[Metric]:
        """Collect the gauges. Raises the store's error."""
        context = self._context
        with context.store.read() as conn:
            totals = self._totals.get(partial(metrics.totals, conn))
            counts = metrics.counts(conn, totals)
        yield from _of_the_store(counts, self._age(counts.oldest_pending))
        wait = self._age(counts.waiting.since)
        yield _gauge("queue_legs", "Legs that wait for a slot.", counts.waiting.legs)
        yield _gauge("queue_longest_wait_seconds", "The longest present wait of a leg.", wait)
        yield _gauge(
            "owner_callbacks_oldest_pending_seconds",
            "Age of the oldest callback that was not passed on to its owner.",
            self._age(counts.oldest_owners),
        )
        yield from _of_the_process(context.presence)

    def _age(self, since: datetime | None) -> float:
        """In seconds; 0 where there is nothing."""
        return (self._context.now() - since).total_seconds() if since else 0.0


def _of_the_store(counts: Counts, age: float) -> Iterator[Metric]:
    yield _labelled("calls", "Calls kept, by status.", "status", counts.calls)
    yield _labelled("messages", "Server messages kept, by state.", "state", counts.messages)
    yield _gauge("messages_oldest_pending_seconds", "Age of the oldest undelivered message.", age)


def _of_the_process(registry: ProcessRegistry) -> Iterator[Metric]:
    """The gauges of this process, which is one of several behind a shared address."""
    most = registry.settings.max_calls_per_process
    yield _gauge("media_sockets", "Media sockets that are open in this process.", registry.sockets)
    yield _gauge("process_calls", "Its calls that count for MAX_CALLS_PER_PROCESS.", registry.slots)
    yield _gauge("process_calls_limit", "MAX_CALLS_PER_PROCESS; 0: no limit.", most)
    yield _gauge("draining", "1 while this process stops.", registry.draining)
    yield _gauge("event_loop_lag_seconds", "How late its loop was at worst, of late.", registry.lag)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"patchbay_{name}", meaning, value=round(value, 3))


def _labelled(name: str, meaning: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(f"patchbay_{name}", meaning, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
