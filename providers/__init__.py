"""The carriers, without Flask, the database and our HTTP API. ``base/carrier.py`` defines one."""
