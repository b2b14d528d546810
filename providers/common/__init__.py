"""Rules of the outside world that carriers and the application share."""
