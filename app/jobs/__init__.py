"""Durable jobs: committed with the event that causes them, on SQLite or PostgreSQL."""
