"""Delivery of server messages to the client's server."""
