"""From a statement to SQL, parameters and a hydrator: synchronous, and without I/O."""
