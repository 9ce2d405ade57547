"""Keys: one walk over what the user gave, and everything in it that may change the SQL."""
