"""The command's options, and its exit status: 0 all asked rows hold, 1 some do not, 2 no server."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from patchbay_conformance import report
from patchbay_conformance.http import send
from patchbay_conformance.process import NotStarted, ServerProcess
from patchbay_conformance.receiver import Receiver
from patchbay_conformance.row import Result
from patchbay_conformance.rows import ROWS
from patchbay_conformance.run import NoServer, chosen, run
from patchbay_conformance.target import Paths, Target, TwilioAccount, VonageAccount
from patchbay_conformance.verdict import Outcome

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
ASSISTANT = '{"name": "Conformance", "firstMessage": "Hello."}'
PATHS = {
    "twilio": Paths("/twilio/inbound_call", "/twilio/status"),
    "vonage": Paths("/vonage/answer", "/vonage/event"),
}
ENVIRONMENT = "Options with a text may come from variables: --twilio-auth-token is CONFORMANCE_TWILIO_AUTH_TOKEN."


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        status = command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # `| head` has read enough; the interpreter's own flush is to find a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 2
    sys.exit(status)


def command(arguments: Sequence[str]) -> int:
    """Run, print, and write what was asked for. Returns the exit status."""
    options = parser().parse_args(arguments)
    rows = chosen(ROWS, options.only, options.skip)
    if not rows:
        print("no row fits --only and --skip: --list prints all", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{row.id}\t{row.says}\t{row.asked}" for row in rows))
        return 0
    if not options.url or not options.key:
        print("--url and --key are needed, or CONFORMANCE_URL and CONFORMANCE_KEY", file=sys.stderr)
        return 2
    try:
        results = run(target(options), rows, receiver(options), process(options), progress)
    except (NoServer, NotStarted, OSError, ValueError) as error:
        print(f"nothing was asked: {error}", file=sys.stderr)
        return 2
    return written(options, results)


def written(options: argparse.Namespace, results: list[Result]) -> int:
    print(report.table(results))
    if options.json:
        Path(options.json).write_text(report.as_json(results, options.url) + "\n")
    if options.junit:
        Path(options.junit).write_text(report.as_junit(results) + "\n")
    outcomes = {result.outcome for result in results}
    if Outcome.PASSED not in outcomes and Outcome.FAILED not in outcomes:
        print("not a single row could be asked", file=sys.stderr)
        return 2
    return int(Outcome.FAILED in outcomes)


def progress(result: Result) -> None:
    """A character for each row, on a terminal."""
    if sys.stderr.isatty():
        mark = {Outcome.PASSED: ".", Outcome.FAILED: "F", Outcome.NOT_ASKED: "-"}
        print(mark[result.outcome], end="", file=sys.stderr, flush=True)


def target(options: argparse.Namespace) -> Target:
    """Raises ``ValueError`` for an assistant that is not a JSON object, and for no URL."""
    url = address("--url", options.url)
    return Target(
        url=url,
        key=options.key,
        public_url=address("--public-url", options.public_url or url),
        assistant=assistant("--assistant", options.assistant),
        paths={
            "twilio": Paths(options.twilio_arrival_path, options.twilio_status_path),
            "vonage": Paths(options.vonage_arrival_path, options.vonage_status_path),
        },
        twilio=TwilioAccount(
            options.twilio_account_sid, options.twilio_auth_token, options.twilio_number_id
        ),
        vonage=VonageAccount(
            options.vonage_api_key,
            options.vonage_signature_secret,
            options.vonage_application_id,
            options.vonage_number_id,
        ),
        talking=(
            assistant("--talking-assistant", options.talking_assistant)
            if options.talking_assistant
            else None
        ),
        without=frozenset(options.without),
        is_silent=options.silent,
        patience=options.patience,
        join_seconds=options.join_seconds,
        bypass_seconds=options.bypass_seconds,
        transfer_to=options.transfer_to,
    )


def address(option: str, text: str) -> str:
    """A URL without the slash at its end. Raises ``ValueError``."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{option} is http://HOST or https://HOST, not {text!r}")
    return text.rstrip("/")


def assistant(option: str, text: str) -> dict[str, Any]:
    """JSON, or the name of a file with it. Raises ``ValueError``."""
    try:
        found = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{option} is JSON or a file with it: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{option} is a JSON object, and {text!r} is another value")
    return found


def receiver(options: argparse.Namespace) -> Receiver | None:
    """The client's server; None where the server under test could not reach it."""
    if not options.listen:
        return None
    if not options.receiver_url and (urlsplit(options.url).hostname or "") not in LOOPBACK:
        return None
    host, _, port = options.listen.rpartition(":")
    return Receiver(host or "127.0.0.1", int(port), options.receiver_url)


def process(options: argparse.Namespace) -> ServerProcess | None:
    if not options.start:
        return None
    ready = options.url.rstrip("/") + options.ready_path
    headers = {"Authorization": f"Bearer {options.key}"}

    def is_up() -> bool:
        with suppress(OSError, HTTPException):
            return send("GET", ready, headers, seconds=5).status == 200
        return False

    log = Path(options.start_log) if options.start_log else None
    return ServerProcess(options.start, is_up, options.start_seconds, log)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=report.NAME,
        description="Checks a Vapi-compatible server from outside: it plays its clients, Twilio and Vonage.",
        epilog=ENVIRONMENT,
    )

    def text(name: str, help: str, default: str = "") -> None:
        variable = "CONFORMANCE_" + name[2:].upper().replace("-", "_")
        made.add_argument(name, default=os.environ.get(variable, default), help=help)

    def seconds(name: str, default: float, help: str) -> None:
        made.add_argument(name, type=float, default=default, metavar="SECONDS", help=help)

    text("--url", "the server")
    text("--key", "an API key of it")
    text("--public-url", "the address the server calls itself by in documents, if it is another")
    text("--assistant", "JSON of an assistant that makes a sound, or a file with it", ASSISTANT)
    text("--talking-assistant", "JSON of one with voice and transcriber: the kit is its model")
    made.add_argument("--silent", action="store_true", help="that assistant makes no sound")
    made.add_argument("--only", action="append", default=[], metavar="ROW", help="ids; * fits all")
    made.add_argument("--skip", action="append", default=[], metavar="ROW", help="the others")
    made.add_argument("--without", action="append", default=[], choices=("twilio", "vonage"))
    made.add_argument("--list", action="store_true", help="print the rows, and ask none")
    made.add_argument("--json", metavar="FILE", help="the results as JSON")
    made.add_argument("--junit", metavar="FILE", help="the results as JUnit's XML")
    seconds("--patience", 20, "the longest that a row waits for the server")
    seconds("--join-seconds", 0, "how long the server waits for a media socket")
    seconds("--bypass-seconds", 0, "how long the server waits for a leg")
    text("--transfer-to", "a number that the server may connect legs to", "+14155550188")
    text(
        "--listen",
        "host:port of the client's server that the kit plays; empty: none",
        "127.0.0.1:0",
    )
    text("--receiver-url", "how the server reaches it, where it is not on this machine")
    made.add_argument("--start", metavar="COMMAND", help="start the server so, and kill it")
    text("--start-log", "a file for its output")
    seconds("--start-seconds", 120, "the longest that its start takes")
    text("--ready-path", "answers 200 once it is up", "/call?limit=1")
    text("--twilio-account-sid", "account of a number that the server has; else one is registered")
    text("--twilio-auth-token", "its auth token")
    text("--twilio-number-id", "its id; else the first Twilio number")
    text("--vonage-api-key", "the same at Vonage")
    text("--vonage-signature-secret", "its signature secret")
    text("--vonage-application-id", "its application, if the server checks it")
    text("--vonage-number-id", "its id; else the first Vonage number")
    for carrier, paths in PATHS.items():
        text(f"--{carrier}-arrival-path", "webhook for a caller's leg; empty: none", paths.arrival)
        text(f"--{carrier}-status-path", "webhook for a number's events; empty: none", paths.status)
    return made
