"""What prefetching decides and does without waiting; `adj/prefetch.py` waits for the rows."""
