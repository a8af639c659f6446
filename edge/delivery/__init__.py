"""Events on disk until the broker has them, and the way to the broker."""
