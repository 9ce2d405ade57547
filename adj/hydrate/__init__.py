"""From database rows to instances, tuples, dicts, scalars and row classes, by code generated once per layout."""
