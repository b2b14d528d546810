"""A simulated Vonage that speaks the real protocol over real sockets."""
