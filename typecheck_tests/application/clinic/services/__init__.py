"""What the hospital does with its models."""
