"""The carriers. Nothing of Flask, of the database, of our HTTP API (`base.py` says what one is)."""
