"""What happens in the hospital: each coroutine calls services, in a transaction that is rolled back."""
