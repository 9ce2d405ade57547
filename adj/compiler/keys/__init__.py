"""Keys: one walk over the arguments of a query, and everything in them that may change its SQL."""
