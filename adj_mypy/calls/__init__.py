"""One call: its receiver, its arguments, and the type of its result."""
