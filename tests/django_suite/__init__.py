"""Django's own tests, run unmodified inside `adj.run_sync()` on the native engine; see `__main__.py`."""
