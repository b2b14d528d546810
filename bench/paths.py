"""``python -m bench.paths``: the number of our files and functions that a request runs.

Each request goes to the Flask application, on a new SQLite database, with a real key or signature.
``sys.setprofile`` reports every function that runs; the bench counts those under ``app/`` and
``providers/``. It skips comprehensions: Python's version decides whether they are functions.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.settings import load
from bench.serving import KEY, environment
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO

ROOT = Path(__file__).parents[1]
OURS = (f"{ROOT}/app/", f"{ROOT}/providers/")
SIMULATORS = ("/simulator/", "/simulation/")
NO_FUNCTION = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<module>"})
PORT = 5000
OUTBOUND = {"Direction": "outbound-api", "From": TWILIO.number, "To": CUSTOMER}


@dataclass
class Trace:
    """Our functions that ran, in order."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(file, function) -> number of calls."""
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(caller's file, called file) -> number of calls between two files."""
    deepest: int = 0
    """The deepest stack of our functions."""
    _running: list[CodeType] = field(default_factory=list)

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if not _is_counted(code):
            return
        if event == "call":
            self._enter(code)
        elif event == "return" and self._running and self._running[-1] is code:
            self._running.pop()

    def _enter(self, code: CodeType) -> None:
        file = _relative(code)
        before = _relative(self._running[-1]) if self._running else file
        self.calls[file, code.co_qualname] += 1
        if before != file:
            self.moves[before, file] += 1
        self._running.append(code)
        self.deepest = max(self.deepest, len(self._running))

    @property
    def files(self) -> set[str]:
        return {file for file, _ in self.calls}

    @property
    def figures(self) -> tuple[int, ...]:
        """Files, functions, calls, moves between files, deepest."""
        return (
            len(self.files),
            len(self.calls),
            self.calls.total(),
            self.moves.total(),
            self.deepest,
        )


def _is_counted(code: CodeType) -> bool:
    """Whether the function serves the request. The simulator that signs it does not."""
    file = code.co_filename
    ours = file.startswith(OURS) and not any(each in file for each in SIMULATORS)
    return ours and code.co_name not in NO_FUNCTION


def _relative(code: CodeType) -> str:
    return code.co_filename.removeprefix(f"{ROOT}/")


@dataclass
class Caller:
    """A client of the API, and Twilio, on one application."""

    http: FlaskClient
    public_url: str
    number_id: str = ""
    assistant_id: str = ""

    def setup(self) -> None:
        numbers = self.api("GET", "/phone-number").get_json()
        self.number_id = next(row["id"] for row in numbers if row["provider"] == "twilio")
        self.assistant_id = self.api("POST", "/assistant", {"name": "bench"}).get_json()["id"]

    def api(self, method: str, path: str, body: object = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {KEY}"}
        return _checked(self.http.open(path, method=method, json=body, headers=headers))

    def create(self) -> TestResponse:
        body = {
            "phoneNumberId": self.number_id,
            "assistantId": self.assistant_id,
            "customer": {"number": CUSTOMER},
            "phoneCallProviderBypassEnabled": True,
        }
        return self.api("POST", "/call", body)

    def twilio(self, path: str, fields: Mapping[str, str]) -> Callable[[], object]:
        """Sign a request now, and return what sends it: signing is Twilio's work, not ours."""
        signed = TWILIO.signer.request("POST", self.public_url + path, fields)
        return lambda: _checked(self.http.post(path, data=signed.body, headers=signed.headers))


def _checked(response: TestResponse) -> TestResponse:
    if response.status_code >= 400:
        raise SystemExit(f"{response.request.path}: {response.status} {response.text}")
    return response


class Requests:
    """One call's requests, in the order in which they come."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.leg = TWILIO.new_ref()
        self.call_id = self.status_path = ""

    def create(self) -> None:
        call = self.caller.create().get_json()
        self.call_id = call["id"]
        self.status_path = target(TWILIO.status_url(call["phoneCallProviderDetails"]))

    def fetch(self) -> Callable[[], object]:
        """The request for the document in ``phoneCallProviderDetails``, at the leg's start."""
        return self.caller.twilio(
            f"/twilio/calls/{self.call_id}/twiml", TWILIO.arrival(self.leg, **OUTBOUND)
        )

    def ringing(self) -> Callable[[], object]:
        return self._status("ringing", 1)

    def repeat(self) -> Callable[[], object]:
        """Another ``ringing``: it adds an event, and the call stays the same."""
        return self._status("ringing", 2)

    def end(self) -> Callable[[], object]:
        return self._status("completed", 3)

    def _status(self, word: str, number: int) -> Callable[[], object]:
        return self.caller.twilio(self.status_path, TWILIO.status(self.leg, word, number))

    def traced(self) -> dict[str, Trace]:
        return {
            "POST /call (bypass, Twilio)": traced(self.create),
            "fetch of its TwiML": traced(self.fetch()),
            "status callback that changes nothing": traced(self.repeat()),
            "status callback that ends the call": traced(self.end()),
        }


def traced(request: Callable[[], object]) -> Trace:
    """The functions that run during one request. This thread serves the request."""
    trace = Trace()
    sys.setprofile(trace)
    try:
        request()
    finally:
        sys.setprofile(None)
    return trace


@contextmanager
def caller(database: str | None = None) -> Iterator[Caller]:
    """The application on its own database, or this one; server messages stay queued."""
    with tempfile.TemporaryDirectory() as directory:
        settings = load(environment(PORT, directory, database))
        app = create_app(settings)
        services = app.extensions["patchbay"]
        services.start()
        try:
            client = Caller(app.test_client(), settings.public_url)
            client.setup()
            yield client
        finally:
            services.stop()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--functions", action="store_true", help="name them, with their calls")
    chosen = options.parse_args()
    with caller() as client:
        Requests(client).traced()  # the first request fills the caches
        traces = Requests(client).traced()
    print(f"{'':<38} {'files':>6} {'functions':>10} {'calls':>6} {'moves':>6} {'deepest':>8}")
    for name, trace in traces.items():
        files, functions, calls, moves, deepest = trace.figures
        print(f"{name:<38} {files:>6} {functions:>10} {calls:>6} {moves:>6} {deepest:>8}")
        if chosen.functions:
            for file in sorted(trace.files):
                found = (f"{n} {c}" for (f, n), c in sorted(trace.calls.items()) if f == file)
                print(f"  {file}: {', '.join(found)}")


if __name__ == "__main__":
    main()
