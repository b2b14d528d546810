"""Sound while the call is up: the media socket, from its handshake to its end.

``hub`` lets sockets in, ``session`` runs one, ``line`` is what an assistant sees of it.
Knows no carrier (that is ``providers.base.carrier.Codec``) and no assistant (``app/assistants`` knows us).
"""
