"""The carriers. Nothing of Flask, of the database, of our HTTP API (`base/carrier.py` says what one is)."""
