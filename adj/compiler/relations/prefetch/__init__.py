"""What prefetching decides and does without waiting; `adj/execution/prefetch.py` waits for the rows."""
