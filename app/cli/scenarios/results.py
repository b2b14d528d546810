"""What became of each scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from app.cli.scenarios.findings import Findings
from app.cli.scenarios.loading import Loaded
from app.cli.scenarios.play import Played


class Verdict(StrEnum):
    """The result of one scenario."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Nothing failed, and something could not be judged."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario's result. ``played`` is None where no call was made."""

    loaded: Loaded
    findings: Findings = field(default_factory=Findings)
    played: Played | None = None

    @property
    def name(self) -> str:
        return self.loaded.name

    @property
    def verdict(self) -> Verdict:
        if self.findings.failures:
            return Verdict.FAILED
        return Verdict.SKIPPED if self.findings.skipped else Verdict.PASSED

    @property
    def seconds(self) -> float:
        return self.played.seconds if self.played else 0.0

    @property
    def path(self) -> Path:
        return self.loaded.path

    def lines(self) -> Sequence[str]:
        """What failed, and what was not judged."""
        return [*self.findings.failures, *(f"not judged: {each}" for each in self.findings.skipped)]
