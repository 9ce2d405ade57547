"""An app with the project's own user model."""
