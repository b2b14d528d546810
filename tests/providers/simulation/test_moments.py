"""The moments that a caller waits for."""

from __future__ import annotations

from providers.simulation.moments import Moments


def test_the_wait_for_the_assistant_after_a_failed_transfer() -> None:
    told = list[str]()
    moments = Moments(told.append)
    moments.heard_assistant(1.0)
    moments.failed = 2.0
    moments.transfer_failed()  # the first word counts
    moments.heard_assistant(2.75)
    moments.heard_assistant(9.0)

    assert moments.heard == [1.0, 2.75, 9.0]
    assert moments.waits == [0.75]
    assert told == ["hears it 0.75 s after the transfer has failed"]
