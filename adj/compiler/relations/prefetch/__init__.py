"""Prefetching, as far as it does not wait; `adj/execution/prefetch.py` waits for the rows."""
