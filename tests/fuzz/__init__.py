"""Hostile names and values in every place of a query that takes one, compared with Django."""
