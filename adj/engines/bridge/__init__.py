"""Runs synchronous Django code for asynchronous code, in a greenlet or on a thread, and asynchronous code for both."""
