"""The project's models, as Django knows them, and the Python types of their fields."""
