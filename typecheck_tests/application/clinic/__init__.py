"""The hospital."""
