"""Synchronous code of Django where asynchronous code waits for it: in a greenlet, on its thread, or by asgiref."""
