"""Anthropic: models."""
