"""What is measured, and where it lies."""
