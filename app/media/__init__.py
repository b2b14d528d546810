"""Sound while the call is up: the media socket, from its handshake to its end.

``hub`` accepts sockets, ``session`` runs one, ``stream`` is what an assistant sees of it. The
package knows no carrier: messages are decoded by ``providers.base.media.MediaSerializer``. It knows
no assistant either: ``app/assistants`` imports this package, not the reverse.
"""
