"""Chooses the engine of an alias, and finds settings that the system checks report."""
