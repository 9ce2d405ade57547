"""Keyset pagination: an order as keys, how its values are compared, and the rows after a cursor."""
