"""A simulated Twilio that speaks the real protocol over real sockets."""
