"""A cluster of the person's own."""
