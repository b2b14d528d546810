"""Stand-ins of vendors: each speaks its vendor's protocol on a port of this machine."""
