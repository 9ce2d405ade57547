"""What Django does: QuerySets built of statements, their compilation without a connection, and its own terminal methods."""
