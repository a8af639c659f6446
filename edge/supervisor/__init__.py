"""`passerby run`: both halves as children of one process."""
