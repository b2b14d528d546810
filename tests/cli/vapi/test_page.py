"""The page about moving shows what the command says."""

from __future__ import annotations

from app.cli import main as cli
from app.cli.vapi.kinds import KINDS
from app.cli.vapi.report import GONE, REFUSED
from app.domain.resources.importing import State
from tests.cli.vapi.conftest import Import
from tests.fakes.vapi import FakeVapi
from tests.test_docs import blocks, read

PAGE = read("docs/from-vapi.md")


def test_the_report_on_the_page_is_the_commands(vapi: FakeVapi, run: Import) -> None:
    (report,) = blocks(PAGE, "text")
    told = iter(run().output.splitlines())
    missing = [line for line in report.splitlines() if line not in told]  # in this order
    assert missing == []


def test_the_page_names_every_state() -> None:
    table = PAGE.partition("| state of an object |")[2].partition("\n\n")[0]
    for state in (*State, REFUSED, GONE.partition(":")[0]):
        assert f"`{state}`" in table, state


def test_the_page_names_every_kind_and_option() -> None:
    moves = PAGE.partition("What moves, in this order: ")[2].partition(".")[0]
    assert moves.split(", ") == [f"{kind.name}s" for kind in KINDS]
    command = cli.main.commands["import"].commands["vapi"]  # type: ignore[attr-defined]
    for option in command.params:
        assert option.param_type_name == "argument" or option.opts[0] in PAGE, option.name
