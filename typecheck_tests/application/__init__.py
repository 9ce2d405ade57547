"""An application as a demanding team writes it: a hospital, checked by mypy and run on PostgreSQL."""
