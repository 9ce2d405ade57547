"""Keys: one walk over a query's operands, and everything in them that may change the SQL."""
