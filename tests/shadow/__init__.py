"""Django's own tests, while every QuerySet that they evaluate is asked through adj as well; see `__main__.py`."""
