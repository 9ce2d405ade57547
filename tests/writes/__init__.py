"""What writes, held against Django's synchronous methods on every engine."""
