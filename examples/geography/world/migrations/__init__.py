"""Migrations of the world app."""
