"""Type checkers with the generated stubs: they pass right code and report mistakes, with differences in a table."""
