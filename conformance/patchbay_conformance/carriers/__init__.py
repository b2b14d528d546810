"""The carriers, played from outside: their signatures, webhooks and media sockets."""
