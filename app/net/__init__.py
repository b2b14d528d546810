"""Every connection to a server that a client chose: one policy, three clients.

``http`` is synchronous, ``httpx_client`` asynchronous, ``websocket`` for sockets. The contract of all
three is ``tests/net/contract.py``; each place that connects is listed in
``tests/net/test_connections.py``.
"""
