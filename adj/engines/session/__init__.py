"""The settings that a project wants in a database session, and the changes that statements make to it."""
