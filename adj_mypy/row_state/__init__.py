"""What rows have loaded, how their types say so, and what reading an attribute requires."""
