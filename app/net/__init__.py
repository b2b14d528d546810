"""Work and words of the network that several rooms share."""
