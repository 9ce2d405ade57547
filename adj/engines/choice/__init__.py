"""Which engine serves an alias, and what system checks say about it."""
