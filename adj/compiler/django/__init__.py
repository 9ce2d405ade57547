"""Statements as Django's QuerySets: build them, compile them offline, and run their terminal methods."""
