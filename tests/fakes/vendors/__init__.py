"""Stand-ins of vendors: each speaks its vendor's own protocol on a port of this machine."""
