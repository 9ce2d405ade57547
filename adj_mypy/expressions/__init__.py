"""Django expressions in a call: evaluated to objects, and whether they may be NULL."""
