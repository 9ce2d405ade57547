"""How much CPU time adj's queries take beside Django's own async ORM: `python -m benchmarks`."""
