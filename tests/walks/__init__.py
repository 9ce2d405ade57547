"""Models whose pages are walked: values of every type, nearly all null somewhere."""
