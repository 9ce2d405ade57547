"""Generated stubs: the types of a project's models, for type checkers and editors without a mypy plugin.

`package_of()` in `package.py` returns the text of every file; `writing.py` writes and compares them; `command.py` is
`manage.py adj stubs`.
"""
