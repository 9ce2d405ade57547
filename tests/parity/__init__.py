"""Parity: Django is the oracle. Each query is asked of both, cold and then from the plan cache with other values."""
