"""A backend whose password is a token with a short life, as cloud databases have it."""
