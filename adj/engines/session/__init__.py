"""What a project sets on a session, and what a statement leaves in it."""
