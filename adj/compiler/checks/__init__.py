"""Whether a query method's arguments fit, judged on the line that writes them."""
