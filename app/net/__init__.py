"""Connections to servers that a client chose: one policy, three clients.

``http`` is synchronous, ``httpx_client`` asynchronous, ``websocket`` for sockets. The contract of all
three is ``tests/net/contract.py``. ``tests/net/test_connections.py`` lists each place that connects.
The vendors' classes in pipecat are made to connect by these: ``tests/vendors/test_engine_sockets.py``.
"""
