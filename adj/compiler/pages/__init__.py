"""Keyset pages: an order as a list of keys, and the condition for the rows after a cursor."""
