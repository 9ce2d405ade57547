"""The engine for every backend: worker threads, each of which owns its Django connection."""
