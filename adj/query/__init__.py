"""What a user writes: the entry `q()`, the query and its methods, related managers, pages, streams and COPY."""
