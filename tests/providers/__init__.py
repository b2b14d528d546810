"""Tests of the carriers. ``testing/contract.py`` is the part they share."""

import pytest

pytest.register_assert_rewrite("providers.testing.contract")
