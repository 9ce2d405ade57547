"""The engine for all backends: worker threads, each with its own Django connections."""
