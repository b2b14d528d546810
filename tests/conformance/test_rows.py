"""The table itself: its ids, its reasons, what it prints and returns."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from patchbay_conformance import cli, report
from patchbay_conformance.http import moved
from patchbay_conformance.reasons import ALL, ASKED, UNREACHABLE
from patchbay_conformance.row import Result, Row
from patchbay_conformance.rows import ROWS
from patchbay_conformance.run import chosen
from patchbay_conformance.verdict import Outcome
from providers.events import EndedReason
from tests.conformance.stand_in import KEY, serving

PUBLIC, HERE = "https://bridge.example.com", "http://127.0.0.1:8000"
ROW = Row("a.b", "it is so", "GET /", lambda world: None)


def test_every_row_has_an_id_of_its_own() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert all(re.fullmatch(r"[a-z]+\.[a-z0-9.-]+", row.id) for row in ROWS)


def test_every_ended_reason_is_asked_or_told_why_not() -> None:
    assert set(EndedReason) == ALL
    assert not set(ASKED) & {each for reasons, _ in UNREACHABLE.values() for each in reasons}


def test_every_asked_reason_has_a_row() -> None:
    texts = " ".join(f"{row.id} {row.says}" for row in ROWS if row.id.startswith("ended."))
    texts += " ended.phone-call-provider-closed-websocket" * ("ended.socket-lost" in texts)
    for reason in (*ASKED, "assistant-forwarded-call"):
        assert reason in texts or reason in " ".join(row.says for row in ROWS), reason


def test_rows_are_chosen_by_pattern() -> None:
    assert {row.id for row in chosen(ROWS, ["read.*"], ["read.d*"])} == {
        f"read.{name}" for name in ("get", "unknown", "list", "limit", "assistant", "patch")
    }


@pytest.mark.parametrize(
    ("url", "there"),
    [
        (f"{PUBLIC}/a?b=c#rc=3", f"{HERE}/a?b=c"),
        ("wss://bridge.example.com:443/media/x", "ws://127.0.0.1:8000/media/x"),
        ("https://elsewhere.example.com/a", "https://elsewhere.example.com/a"),
    ],
)
def test_a_public_url_is_reached_here(url: str, there: str) -> None:
    assert moved(url, PUBLIC, HERE) == there


def test_what_it_prints() -> None:
    results = [
        Result(ROW, Outcome.PASSED),
        Result(ROW, Outcome.FAILED, "it is\x00not"),
        Result(ROW, Outcome.NOT_ASKED, "no server"),
    ]
    table = report.table(results)
    assert table.endswith("1 passed, 1 failed, 1 not asked")
    assert "-> no server" in table
    assert json.loads(report.as_json(results, "x"))["counts"] == {
        "passed": 1,
        "failed": 1,
        "not asked": 1,
    }
    suite = ElementTree.fromstring(report.as_junit(results))
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "1")


@pytest.mark.parametrize(
    ("lie", "only", "status"),
    [("", "read.get", 0), ("errors of its own", "read.unknown", 1), ("", "ended.models", 2)],
)
def test_the_exit_status(lie: str, only: str, status: int, tmp_path: Path) -> None:
    with serving(lie) as server:
        arguments = ["--url", server.url, "--key", KEY, "--only", only, "--without", "vonage"]
        assert cli.command([*arguments, "--json", str(tmp_path / "x")]) == status


def test_a_server_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.command(["--url", "http://127.0.0.1:9", "--key", "x"]) == 2
    assert "nothing was asked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("--url", "localhost:8000", "--url is http://HOST or https://HOST, not 'localhost:8000'"),
        ("--public-url", "nowhere", "--public-url is http://HOST"),
        ("--assistant", "{", "--assistant is JSON or a file with it"),
        ("--talking-assistant", "nowhere.json", "--talking-assistant is JSON or a file with it"),
        ("--only", "nothing", "no row fits --only and --skip"),
    ],
)
def test_a_wrong_option_is_named(
    option: str, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.command(["--url", "http://127.0.0.1:9", "--key", "x", option, text]) == 2
    assert told in capsys.readouterr().err


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.command(["--list", "--only", "read.*"]) == 0
    assert "GET /call/{id}" in capsys.readouterr().out


def test_a_reader_who_has_read_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """``patchbay-conformance --list | head``"""
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(SystemExit) as ended:
            cli.main(["--list"])
    assert ended.value.code == 2
