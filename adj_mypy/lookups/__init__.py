"""Names and values in a call: paths, conditions, expressions, operands and columns to write."""
