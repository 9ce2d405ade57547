"""Checks of query methods on the line that calls them: names, types of arguments, and values."""
