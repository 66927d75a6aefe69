"""Programs that make what the project ships."""
