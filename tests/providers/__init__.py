"""Tests of the carriers. ``contract.py`` is the part they share."""

import pytest

pytest.register_assert_rewrite("tests.providers.contract")
