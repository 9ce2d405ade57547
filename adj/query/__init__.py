"""The query API: `q()`, the query and its methods, related managers, pages, streams and COPY."""
