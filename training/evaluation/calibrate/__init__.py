"""`passerby evaluate calibrate`: temperatures and thresholds."""
