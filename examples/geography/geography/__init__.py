"""The geography project: adj beside an untouched Django project, on real data."""
