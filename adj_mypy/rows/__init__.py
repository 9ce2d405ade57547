"""The type of a query's rows after each of its methods."""
