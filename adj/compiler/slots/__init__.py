"""Slots: which values may change from run to run, and how Django's compiler carries them to their place in the SQL."""
