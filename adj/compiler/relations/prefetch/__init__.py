"""The synchronous part of prefetching; `adj/execution/prefetch.py` fetches the rows."""
