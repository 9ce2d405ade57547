"""Slots: which values may change from run to run, and how they reach their place in the SQL."""
