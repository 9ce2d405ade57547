"""A neutral description of models and row classes: fields, paths, lookups and the Python types of operands.

Used by the runtime, the mypy plugin and the generated stubs.
"""
