"""Schemas of request bodies, queries and responses.

``wording.py`` has the sentences of refusals.
"""
