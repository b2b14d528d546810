"""``python -m bench.delivery [CALLS] [URL]``: how fast waiting server messages are delivered.

Creates calls that the phone number's flow owns, each with one message, while nothing is sent. Then
it lets this process deliver to a receiver that answers at once, and measures until the last came.
URL: a PostgreSQL database; otherwise a new SQLite file. The CPU is that of this process alone:
the receiver is another one.
"""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import replace

from app import settings as settings_module
from app.cli.processes import free_port
from app.default_number import number_id
from app.default_org import ORG_ID, create_default_org
from app.wiring import Services
from bench.serving import environment, module
from tests.fakes.carriers.twilio import TWILIO


def measure(calls: int, services: Services, receiver: str) -> None:
    create_default_org(services.context)
    number = number_id(TWILIO.name, TWILIO.number)
    for _ in range(calls):
        services.calls.create(ORG_ID, _body(number, receiver))
    if not services.store.is_sqlite:
        with services.store.read() as conn:
            conn.exec_driver_sql("ANALYZE")  # as a server in use does by itself
    wall, cpu = time.perf_counter(), time.process_time()
    services.start()
    while _count(receiver) < calls:
        time.sleep(0.02)
    wall = time.perf_counter() - wall
    services.stop()  # it stores the last results
    cpu = time.process_time() - cpu
    print(f"{calls} messages: {calls / wall:.0f} a second, {cpu / calls * 1e3:.2f} ms of CPU each")


def _body(number: str, receiver: str) -> Mapping[str, object]:
    return {
        "phoneNumberId": number,
        "phoneCallProviderBypassEnabled": True,
        "customer": {"number": "+14155550123"},
        "assistant": {"name": "Bench", "server": {"url": receiver, "secret": "a secret"}},
    }


def _count(receiver: str) -> int:
    with urllib.request.urlopen(receiver) as answer:
        return int(answer.read())


def main() -> None:
    calls = int(sys.argv[1]) if sys.argv[1:] else 2000
    with tempfile.TemporaryDirectory() as directory, module("bench.receiver") as receiver:
        env = environment(free_port(), directory, sys.argv[2] if sys.argv[2:] else None)
        services = Services(replace(settings_module.load(env), run_jobs=True))
        services.upgrade()
        measure(calls, services, f"http://127.0.0.1:{receiver.port}/hook")


if __name__ == "__main__":
    main()
