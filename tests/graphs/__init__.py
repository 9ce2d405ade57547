"""A small world in which everything is related to everything: the ground of random object graphs."""
