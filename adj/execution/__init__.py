"""Runs plans on connections: the databases of an event loop, the executor, prefetching and transactions."""
