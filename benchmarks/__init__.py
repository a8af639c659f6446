"""Comparisons with programs of others, for which training and conversion are needed at once; not installed."""
