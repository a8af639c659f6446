"""Events on disk until the broker has them."""
