"""The engine of Django's own connection, and of a `TestCase`'s transaction."""
