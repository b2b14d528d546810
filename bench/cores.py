"""The five cores whose tests must notice every change, and the tests that are about them."""

from __future__ import annotations

from typing import NamedTuple

SLOW = "tests/domain/calls/test_state.py::test_eight_events_in_all_40_320_orders"


class Core(NamedTuple):
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    """Arguments for pytest."""


CORES = {
    "fold": Core(
        ("app/domain/calls/state.py",),
        ("tests/domain/calls/test_state.py", f"--deselect={SLOW}"),
    ),
    "signatures": Core(
        (
            "providers/twilio/signature.py",
            "providers/twilio/cut.py",
            "providers/vonage/signature.py",
            "app/delivery/signing.py",
        ),
        (
            "tests/providers/twilio/test_signature.py",
            "tests/providers/twilio/test_cut.py",
            "tests/providers/vonage/test_signature.py",
            "tests/delivery/test_signing.py",
        ),
    ),
    "addresses": Core(
        ("app/net/addresses.py",),
        ("tests/net/test_addresses.py",),
    ),
    "retry": Core(
        ("app/delivery/retry.py",),
        ("tests/delivery/test_retry.py",),
    ),
    "auth": Core(
        ("app/routes/auth.py", "app/routes/attempts.py", "app/domain/legs/auth.py"),
        (
            "tests/routes/test_auth.py",
            "tests/routes/test_doors.py",
            "tests/domain/legs/test_auth.py",
        ),
    ),
}
