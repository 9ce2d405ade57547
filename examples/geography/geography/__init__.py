"""The geography project: adj in an unchanged Django project, on real data."""
