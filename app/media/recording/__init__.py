"""Our own recording of a media stream, both sides."""
