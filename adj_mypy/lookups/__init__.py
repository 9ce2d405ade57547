"""Names and values in a call: paths, conditions, expressions, operands and assigned columns."""
