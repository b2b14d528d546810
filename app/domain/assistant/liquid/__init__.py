"""Liquid templates in the texts of an assistant: rendered in a sandbox, within bounds."""
