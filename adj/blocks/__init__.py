"""Blocks for `async with`: transactions, and `native()` for Django's own async methods."""
