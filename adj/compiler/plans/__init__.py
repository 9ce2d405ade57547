"""Plans: SQL with binders for its parameters and a hydrator for its rows, cached by structure once verified."""
