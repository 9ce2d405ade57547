"""What the mypy plugin says of queries: `cases/` has the code, with what is expected of each line beside it."""
