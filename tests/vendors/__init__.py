"""Tests of the vendors' parts, each against its stand-in (``tests.fakes.vendors``)."""
