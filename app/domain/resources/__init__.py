"""Stored resources of an organisation: assistants, phone numbers, credentials."""
