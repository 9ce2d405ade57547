"""What a row has loaded, how a type says it, and what reading the row needs."""
