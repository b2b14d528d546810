"""How far a request goes through our files: ``bench/paths.py``, held as it was measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.paths import Requests, Trace, caller

MOST_FILES = {
    "POST /call (bypass, Twilio)": 40,
    "fetch of its TwiML": 38,
    "status callback that changes nothing": 24,
    "status callback that ends the call": 34,
}
"""One or two more than docs/benchmarks.md has. A change that needs more leads a request through new files."""
FEATURES = ("legs/", "live/", "recordings/", "reporting/", "assistant/", "costs/")
SIGNED = "app/domain/legs/auth.py"


@pytest.fixture(scope="module")
def traces() -> Iterator[dict[str, Trace]]:
    with caller() as client:
        Requests(client).traced()  # fills what the process keeps from its first requests
        yield Requests(client).traced()


@pytest.mark.parametrize("name", MOST_FILES)
def test_no_path_has_grown(traces: dict[str, Trace], name: str) -> None:
    files = traces[name].files
    assert len(files) <= MOST_FILES[name], "\n".join(sorted(files))


def test_a_callback_that_changes_nothing_enters_no_feature(traces: dict[str, Trace]) -> None:
    files = traces["status callback that changes nothing"].files
    features = {file for file in files if file.removeprefix("app/domain/").startswith(FEATURES)}
    assert features == {SIGNED}
