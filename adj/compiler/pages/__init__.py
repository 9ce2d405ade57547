"""Keyset pages: an order as keys, how its values are compared, and the rows behind a cursor."""
