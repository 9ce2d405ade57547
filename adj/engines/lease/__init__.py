"""Who may use a connection: the pool, leases, locks and the transactions of a task."""
