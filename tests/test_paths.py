"""How far a request goes through our files: ``bench/paths.py``, held as it was measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.paths import Requests, Trace, caller

MOST = {
    "POST /call (bypass, Twilio)": (53, 175),
    "fetch of its TwiML": (49, 196),
    "status callback that changes nothing": (33, 131),
    "status callback that ends the call": (42, 170),
}
"""Files and functions, as measured. A short function costs less than a long way through one."""
FEATURES = ("legs/", "live/", "recordings/", "reporting/", "assistant/", "costs/")
SIGNED = "app/domain/legs/auth.py"


@pytest.fixture(scope="module")
def traces() -> Iterator[dict[str, Trace]]:
    with caller() as client:
        Requests(client).traced()  # fills what the process keeps from its first requests
        yield Requests(client).traced()


@pytest.mark.parametrize("name", MOST)
def test_no_path_has_grown(traces: dict[str, Trace], name: str) -> None:
    most_files, most_functions = MOST[name]
    files, functions = traces[name].files, traces[name].calls
    assert len(files) <= most_files, "\n".join(sorted(files))
    assert len(functions) <= most_functions, "\n".join(map(" ".join, sorted(functions)))


def test_a_callback_that_changes_nothing_enters_no_feature(traces: dict[str, Trace]) -> None:
    files = traces["status callback that changes nothing"].files
    features = {file for file in files if file.removeprefix("app/domain/").startswith(FEATURES)}
    assert features == {SIGNED}
