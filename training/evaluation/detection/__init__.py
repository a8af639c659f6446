"""`passerby evaluate detection`: boxes against boxes."""
