"""Code that is checked and never run."""
