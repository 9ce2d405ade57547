"""The right to use a connection: leases, turns and the pool."""
