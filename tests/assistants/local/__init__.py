"""Tests of the assistant that talks in this process."""
