"""The engine that uses Django's own connection, also in the transaction of a `TestCase`."""
