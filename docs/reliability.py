"""What is promised of a deployment, and by which command each promise was last measured.

The figures stand in ``reliability.json``; ``bench/reliability.py`` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

FIGURES = Path(__file__).with_name("reliability.json")
NOTICE = "<!-- Written by `make docs`; change `docs/reliability.py`, or run a command below with `--record`. -->"


class Row(NamedTuple):
    """One promise."""

    what: str
    """The fault, and how often it is made."""
    aim: str
    """The figure to reach."""
    command: str
    """Measures it in full."""


class Figure(NamedTuple):
    """What a command saw last."""

    seen: str
    reached: bool
    command: str
    """As it was run: its size may be smaller than in full."""
    date: str
    machine: str


LOST = {
    "crash": Row(
        "a process is killed at every step of a create, callback, dialled call, delivery, timer, media socket and hand-over",
        "no acknowledged callback lost, no call dialled twice, none stuck, one report a call",
        "python -m bench.crash --times 20",
    ),
    "chaos-db": Row(
        "PostgreSQL is killed every 5 to 40 s under 20,000 operations",
        "none wrong, no acknowledged one lost, no error but 503",
        "python -m bench.chaos_db --operations 20000",
    ),
    "store-faults": Row(
        "SQLite is locked, read-only, full, erring, deleted, corrupt; PostgreSQL frozen or moved",
        "503 within 5 s (callbacks) and 8 s (API), `/healthz` at once, no acknowledged one lost except by a damaged disk; messages, timers and sockets go on within 15 s",
        "python -m bench.chaos_db --faults",
    ),
    "carrier-faults": Row(
        "a carrier's API fails, is slow, or does what it is asked and says nothing, in 30 % of 1,000 dialled calls",
        "no call dialled twice; every create answered 201 or with a plain error",
        "python -m bench.carrier_faults",
    ),
    "orders": Row(
        "a call's events in all 40,320 orders, and in 113,400 with repetitions",
        "one final state, one report",
        "python -m bench.orders",
    ),
    "stateful": Row(
        "2,000 random histories of a service through HTTP, beside a model of it, on both databases",
        "none differs",
        "python -m bench.stateful --examples 2000",
    ),
    "duplicates": Row(
        "every callback up to 100 times, at once, to two processes, with changed unsigned headers",
        "no more rows, the same state",
        "python -m bench.duplicates --times 100",
    ),
    "lost-callbacks": Row(
        "each subset of a call's callbacks is lost",
        "ended within 120 s of the carrier's end; the reason right in 95 %",
        "python -m bench.lost_callbacks",
    ),
    "delivery": Row(
        "server messages whose receiver is up",
        "99.9 % at the first attempt; p50 < 100 ms and p99 < 1 s from commit to receiver",
        "python -m bench.calls_per_second --rate 50 --minutes 10",
    ),
    "receiver-down": Row(
        "server messages whose receiver is down for 24 hours (on a driven clock)",
        "all delivered, in the order of each call, on schedule ±20 %",
        "python -m bench.receiver_down",
    ),
}

ADMITTED = {
    "forgeries": Row(
        "forged, altered and replayed webhooks of both carriers",
        "all refused; no error of ours, no row",
        "python -m bench.forgeries",
    ),
    "ssrf": Row(
        "private addresses in 26 spellings, by DNS that changes, by redirect, through every vendor",
        "all refused before a connection",
        "python -m bench.ssrf",
    ),
    "token-races": Row(
        "200 media sockets with a token that another uses at the same moment",
        "one of each pair is accepted",
        "python -m bench.token_races --races 200",
    ),
    "tenants": Row(
        "every route, method and kind of object with another organisation's key",
        "404, and nothing told",
        "python -m bench.tenants",
    ),
    "canaries": Row(
        "marked secrets, looked for in answers, logs, messages and the database",
        "found nowhere",
        "python -m bench.canaries",
    ),
    "signatures": Row(
        "our signatures of messages, checked by the public libraries",
        "10,000 of 10,000 accepted, every altered one refused",
        "python -m bench.signatures",
    ),
    "fuzz-api": Row(
        "100,000 requests made from the OpenAPI document",
        "no 5xx, every answer as described",
        "python -m bench.fuzz_api --requests 100000",
    ),
    "fuzz-callbacks": Row(
        "12,000 signed webhooks with changed fields",
        "no 5xx",
        "python -m bench.fuzz_callbacks --requests 12000",
    ),
    "fuzz-parsers": Row(
        "10 million inputs to the parsers that read a stranger's bytes",
        "no crash",
        "python -m bench.fuzz_parsers --runs 10000000",
    ),
}

ENDURED = {
    "deploys": Row(
        "ten deploys beneath live calls, by a router and by reload",
        "95 % of the calls alive, median gap ≤ 1.5 s, no API request failed, exit ≤ 25 s",
        "python -m bench.deploys --deploys 10",
    ),
    "slow-clients": Row(
        "500 unfinished heads, bodies and idle sockets beside 50 live calls",
        "API p99 < 250 ms, no socket dropped",
        "python -m bench.slow_clients --full",
    ),
    "load-sqlite": Row(
        "50 calls a second for ten minutes, SQLite",
        "callbacks p99 ≤ 150 ms, messages p99 ≤ 1 s, nothing stuck",
        "python -m bench.calls_per_second --rate 50 --minutes 10",
    ),
    "load-postgresql": Row(
        "the same, PostgreSQL",
        "the same",
        "python -m bench.calls_per_second --rate 50 --minutes 10 --postgresql",
    ),
    "soak": Row(
        "20 calls with sound at a time, two new ones a second, for four hours",
        "memory grows < 1 MB an hour, descriptors and threads do not, nothing stuck",
        "python -m bench.soak --minutes 240",
    ),
}

WAITED = {
    "failed-transfers": Row(
        "a transfer's destination is busy, does not answer, is a machine, or may not be dialled: blind and warm, both carriers",
        "the caller hears the assistant again within 2 s",
        "python -m bench.failed_transfers --times 5",
    ),
    "queue-slot": Row(
        "callers wait in line for one slot of two processes, on both databases, at both carriers",
        "the slot that is freed is taken by the first within 1 s, in order",
        "python -m bench.queue_slot --rounds 10",
    ),
}

TESTS = {
    "mutants": Row(
        "changes made to the fold, signatures, address policy, retry schedule and authentication",
        "the tests notice 95 %",
        "python -m bench.mutants",
    ),
    "branches": Row(
        "branches of these five that their own tests take",
        "100 %",
        "python -m bench.branches",
    ),
    "random-orders": Row(
        "the suite in 20 random orders",
        "none fails",
        "python -m bench.random_orders --times 20",
    ),
}

PARTS: Mapping[str, Mapping[str, Row]] = {
    "Nothing is lost": LOST,
    "Only those who may": ADMITTED,
    "Load, deploys, time": ENDURED,
    "A caller who waits": WAITED,
    "The tests themselves": TESTS,
}
ROWS: Mapping[str, Row] = {key: row for rows in PARTS.values() for key, row in rows.items()}


def page() -> str:
    """The page, with the figures kept in ``reliability.json``."""
    figures = {key: Figure(**each) for key, each in json.loads(FIGURES.read_text()).items()}
    return "\n".join([*_head(), *_parts(figures), *_machines(figures)])


def _head() -> list[str]:
    return [
        NOTICE,
        "# Reliability",
        "",
        "Each row is a promise, and the command that measures it against real processes, databases and sockets; the",
        "carriers and the receivers of messages are simulators that speak the real protocol. The suite holds a small",
        "sample of every row. *Last seen* is what the command printed last, also when it was run smaller than in full;",
        "✗ stands before what falls short of the aim. Add `--record` to a command and run `make docs` to renew a row.",
        "",
    ]


def _parts(figures: Mapping[str, Figure]) -> Iterable[str]:
    for title, rows in PARTS.items():
        yield from (f"## {title}", "")
        yield from ("| what is done | aim | last seen | in full |", "| --- | --- | --- | --- |")
        yield from (_line(row, figures.get(key)) for key, row in rows.items())
        yield ""


def _line(row: Row, figure: Figure | None) -> str:
    return f"| {row.what} | {row.aim} | {_seen(row, figure)} | `{row.command}` |"


def _seen(row: Row, figure: Figure | None) -> str:
    if figure is None:
        return "not measured yet"
    mark = "" if figure.reached else "✗ "
    run = "" if figure.command == row.command else f", by `{figure.command}`"
    return f"{mark}{figure.seen} ({figure.date}{run})"


def _machines(figures: Mapping[str, Figure]) -> list[str]:
    machines = sorted({figure.machine for figure in figures.values()})
    return ["Measured on:", "", *(f"- {each}" for each in machines), ""] if machines else []
