"""A client's own transcriber and voice servers."""
