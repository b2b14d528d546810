"""``python -m bench.forgeries``: forged, altered and replayed webhooks, sent to a server.

The table is that of ``tests/fakes/carriers/forgeries.py``. Every request has to be refused with 4xx.
None may leave a row or a message.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from app.store.schema import call_events, call_refs, call_tokens, calls, messages
from bench.fuzz_callbacks import Api, from_address, started
from bench.machine import machine
from bench.reliability import conclude
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.forgeries import FORGERIES, Genuine, Raw, genuine
from tests.fakes.carriers.mutations import new_target

NUMBERS = itertools.count(1)
UNSIGNED = {"no token", "the older signature"}
"""Of Vonage's: 503 asks for the callback again, signed."""
TABLES = (calls, call_events, call_refs, call_tokens, messages)


def send(port: int, raw: Raw) -> int:
    """The status of the answer. The request line and the headers are sent as they are."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(raw.method, raw.target, skip_host=True, skip_accept_encoding=True)
    names = {name.lower() for name, _ in raw.headers}
    own = [] if "host" in names else [("Host", f"localhost:{port}")]
    more = {"Content-Length": str(len(raw.body)), **from_address(next(NUMBERS))}
    for name, value in (*own, *raw.headers, *more.items()):
        connection.putheader(name, value)
    connection.endheaders(raw.body)
    status = connection.getresponse().status
    connection.close()
    return status


def cases(api: Api) -> Iterator[tuple[str, Genuine]]:
    for carrier in FAKES:
        for it in genuine(carrier, new_target(api.base, carrier, api.ask)):
            yield carrier, it


def rows(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as conn:
        counts = {table.name: sa.select(sa.func.count()).select_from(table) for table in TABLES}
        return {name: conn.execute(count).scalar_one() for name, count in counts.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--record", action="store_true", help="keep the figure")
    chosen = options.parse_args()
    print(machine())
    statuses, let_in = Counter[tuple[str, int]](), list[str]()
    with TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory)}/forgeries.db"
        engine = sa.create_engine(url)
        with started(url) as process:
            api = Api(f"http://localhost:{process.port}")
            made = list(cases(api))
            before = rows(engine)
            for carrier, it in made:
                for name, forge in FORGERIES[carrier].items():
                    status = send(process.port, forge(it))
                    statuses[carrier, status] += 1
                    if not 400 <= status < 500 and (status != 503 or name not in UNSIGNED):
                        let_in.append(f"{carrier} {it.path}: {name}: {status}")
            added = {
                name: n - before[name] for name, n in rows(engine).items() if n != before[name]
            }
        engine.dispose()
    for (carrier, status), count in sorted(statuses.items()):
        print(f"{carrier:<8} {status} {count:>5}")
    print(*let_in, sep="\n")
    seen = (
        f"{statuses.total()} requests of {sum(map(len, FORGERIES.values()))} kinds: "
        f"{len(let_in)} not refused, {sum(added.values())} rows"
    )
    sys.exit(conclude("forgeries", seen, reached=not (let_in or added), keep=chosen.record))


if __name__ == "__main__":
    main()
