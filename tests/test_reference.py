"""The pages that are written from the code are up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import ended_reasons
from docs.write import pages, sentences
from providers.events import CallStatus, EndedReason, EventKind

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", pages())
def test_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run `make docs`"


@pytest.mark.parametrize("enumeration", [CallStatus, EndedReason, EventKind])
def test_every_value_has_its_sentence(
    enumeration: type[CallStatus | EndedReason | EventKind],
) -> None:
    assert list(sentences(enumeration)) == [member.value for member in enumeration]


# ------------------------------------------------------------------ ended reasons


@pytest.mark.parametrize("reason", EndedReason)
def test_every_reason_has_its_cause_and_a_test(reason: EndedReason) -> None:
    assert ended_reasons.CAUSES[reason]
    assert ended_reasons.proof(reason)


@pytest.mark.parametrize("reason", ended_reasons.PROOFS)
def test_a_named_test_is_there_and_about_the_reason(reason: EndedReason) -> None:
    path, _, name = ended_reasons.PROOFS[reason].partition("::")
    text = read(path)
    assert f"def {name}(" in text, f"no test {name} in {path}"
    # In the test, or in the table it runs over.
    assert re.search(rf"{reason}|\b{reason.name}\b", text), f"{path} does not say {reason}"


def test_scenarios_are_run_by_the_named_test() -> None:
    path, _, name = ended_reasons.SCENARIO_TEST.partition("::")
    assert f"def {name}(" in read(path)


def read(path: str) -> str:
    return (DOCS.parent / path).read_text()
