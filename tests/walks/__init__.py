"""Models whose pages are walked: values of every type, nearly all of them null somewhere."""
