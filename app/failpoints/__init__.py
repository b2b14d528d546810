"""Fail-points: named places where a test makes the program die, fail or wait (``FAILPOINT``)."""
