"""The tour: typed queries on the world's data, each beside the same query through Django's own async ORM."""
