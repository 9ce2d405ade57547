"""From database rows to instances, tuples, dicts and scalars, by code generated once per layout."""
