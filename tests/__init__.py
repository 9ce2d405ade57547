"""The tests of adj."""
