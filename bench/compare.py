"""``python -m bench.compare``: the control plane beside floors and other programs, in one run.

The floors are plain Flask under gunicorn's threads (``bench.peers.flask_floor``). The other programs
run in virtual environments of their own, which ``--install`` makes in ``--peers``. What they do for a
request differs, and a column says it: only rows with the same words are alike. One worker each.
Rounds are interleaved, and a row shows its medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.cli.processes import children, free_port
from bench.load import Figures, request, run
from bench.machine import machine
from bench.prepared import FORM, Requests
from bench.serving import JSON, PAGE, Process, bridge, running, wait
from tests.fakes.carriers.accounts import AUTH_TOKEN
from tests.fakes.carriers.twilio import TWILIO

PEERS = Path(__file__).parent / "peers"
GTHREAD = ("-k", "gthread", "-w", "1", "--threads", "8", "--keep-alive", "60")


class Peer(NamedTuple):
    """Another program. ``packages``: of its virtual environment; ``path``: what Twilio calls."""

    packages: tuple[str, ...]
    script: str
    path: str
    does: str


OTHERS = {
    "pipecat": Peer(
        ("pipecat-ai[runner,websocket]==1.14.0",),
        "pipecat_runner.py",
        "/",
        "constant TwiML",
    ),
    "vocode": Peer(
        ("vocode==0.1.113", "vonage==3.18.0", "cryptography", "redis", "uvloop", "httptools"),
        "vocode_server.py",
        "/inbound_call",
        "form, TwiML, a row in memory",
    ),
}


@dataclass
class Row:
    """One kind of request to one server."""

    name: str
    does: str
    server: Process
    make: Callable[[int], list[bytes]]
    figures: list[Figures] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Milliseconds of processor time a request, of all rounds."""

    def measure(self, count: int, connections: int) -> None:
        prepared = self.make(count)
        self.server.wait_until_idle()
        before = self.server.cpu
        self.figures.append(run(self.server.port, prepared, connections))
        self.cpu.append((self.server.cpu - before) * 1e3 / count)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=400, help="of each row and round")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--peers", type=Path, default=Path("var/peers"), help="their folder")
    options.add_argument("--install", action="store_true", help="install the peers, then measure")
    chosen = options.parse_args()
    if chosen.install:
        install(chosen.peers)
    with ExitStack() as stack:
        rows = list(started(stack, chosen.peers))
        print(
            f"{machine()}; {chosen.connections} connections, {chosen.requests} requests x "
            f"{chosen.rounds} rounds, one worker each"
        )
        for row in rows:  # fill their caches
            run(row.server.port, row.make(100), chosen.connections)
        for _ in range(chosen.rounds):
            for row in rows:
                row.measure(chosen.requests, chosen.connections)
        report(rows)
    print(f"load {os.getloadavg()[0]:.1f} after")


def install(folder: Path) -> None:
    for name, peer in OTHERS.items():
        venv.create(folder / name, with_pip=True)
        pip = [str(folder / name / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        if subprocess.run([*pip, *peer.packages], check=False).returncode:
            print(f"{name} was not installed: pip says why above")


def started(stack: ExitStack, peers: Path) -> Iterator[Row]:
    """Start all servers, and name what is asked of them."""
    flask = stack.enter_context(floor())
    yield Row("Flask", "constant TwiML", flask, lambda n: [request("/constant", b"a=b", FORM)] * n)
    yield Row("Flask", "form, signature, TwiML", flask, arrivals(flask, "/twiml"))
    body = b'{"customer": {"number": "+14155550100"}}'
    yield Row("Flask", "JSON, a row on disk", flask, lambda n: [request("/call", body, JSON)] * n)
    ours = stack.enter_context(bridge())
    asked = Requests(ours.port)
    yield Row("Patchbay", "constant TwiML", ours, asked.floor)
    yield Row("Patchbay: create", "all", ours, asked.create)
    yield Row("Patchbay: inbound_call", "all", ours, asked.inbound_call)
    yield Row("Patchbay: status callback", "all", ours, asked.status_callback)
    for name, peer in OTHERS.items():
        server = start(stack, peers / name, peer)
        if server is None:
            print(f"{name} is left out: it does not run in {peers / name} (--install)")
            continue
        yield Row(name, peer.does, server, arrivals(server, peer.path))


def arrivals(server: Process, path: str) -> Callable[[int], list[bytes]]:
    """Makes signed requests of Twilio about legs that arrive."""

    def one() -> bytes:
        fields = TWILIO.arrival(TWILIO.new_ref())
        whole = TWILIO.signer.request("POST", f"http://localhost:{server.port}{path}", fields)
        return request(path, whole.body, whole.headers)

    return lambda count: [one() for _ in range(count)]


@contextmanager
def floor() -> Iterator[Process]:
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        variables = {
            **os.environ,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "FLOOR_URL": f"http://localhost:{port}",
            "FLOOR_DATABASE": f"{directory}/floor.db",
        }
        command = [sys.executable, "-m", "gunicorn", *GTHREAD, "--log-level", "error"]
        command += ["-b", f"127.0.0.1:{port}", "bench.peers.flask_floor:app"]
        with running(command, variables, None) as pid:
            wait(f"http://127.0.0.1:{port}/")
            yield Process(port, pid)


def start(stack: ExitStack, home: Path, peer: Peer) -> Process | None:
    """A peer's server; None: it is not installed, or does not answer."""
    python, port = home / "bin" / "python", free_port()
    if not python.exists():
        return None
    command = [str(python), str(PEERS / peer.script), str(port)]
    pid = stack.enter_context(running(command, dict(os.environ), None, silent=True))
    try:
        wait(f"http://127.0.0.1:{port}/")
    except SystemExit:
        return None
    return Process(port, pid)


def report(rows: Sequence[Row]) -> None:
    print(
        f"{'':<27} {'does':<30} {'CPU ms':>6} {'req/s':>7} {'of Flask':>8} {'p50 ms':>7} "
        f"{'p99 ms':>7} {'MB':>5} {'errors':>6}"
    )
    floors = [each.rate for each in rows[0].figures]
    for row in rows:
        rates = [each.rate for each in row.figures]
        ratio = statistics.median(a / b for a, b in zip(rates, floors, strict=True))
        print(
            f"{row.name:<27} {row.does:<30} {statistics.median(row.cpu):>6.2f} "
            f"{statistics.median(rates):>7,.0f} {ratio:>8.2f} "
            f"{statistics.median(each.p50 for each in row.figures):>7.2f} "
            f"{statistics.median(each.p99 for each in row.figures):>7.2f} "
            f"{memory(row.server):>5.0f} {sum(each.errors for each in row.figures):>6}"
        )
    print(
        "all: key or signature, validation, the call's row on disk, messages queued, the document"
    )
    print("MB: resident memory of the server's processes")


def memory(server: Process) -> float:
    pids = (server.pid, *children(server.pid))
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in pids) / 1e6


if __name__ == "__main__":
    main()
