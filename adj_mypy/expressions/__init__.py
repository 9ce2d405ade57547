"""Django expressions that are written in a call: their objects, and whether they may be NULL."""
