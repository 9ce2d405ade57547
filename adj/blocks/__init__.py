"""What stands after `async with`: transactions, and blocks in which Django's own methods run on adj's engine."""
