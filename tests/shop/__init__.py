"""A bookshop: the one Django app that all tests share."""
