"""Tests of the assistants, each on a real media socket (``tests.media.server``)."""
