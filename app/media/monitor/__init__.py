"""Supervisors who listen to a call in progress (``monitor.listenUrl``)."""
