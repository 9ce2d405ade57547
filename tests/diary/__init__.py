"""Writers and what they write: models that take what adj offers to a model's class."""
