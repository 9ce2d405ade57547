"""Slots: which values may change from run to run, and how they travel through Django's compiler into the SQL."""
