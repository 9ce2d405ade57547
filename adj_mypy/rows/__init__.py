"""The rows of a query after each of its methods."""
