"""Mutants that no test can notice, each with the reason: they behave as the code does."""

from __future__ import annotations

EQUIVALENT: dict[str, dict[str, str]] = {}
"""Path -> the mutant's name -> why it changes nothing."""
