"""A neutral description of models: fields, paths, lookups and the Python types of operands.

Read by the runtime for its messages, and later by the mypy plugin and the generated stubs.
"""
