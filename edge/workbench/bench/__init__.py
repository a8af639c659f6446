"""`passerby bench`: Passerby beside the scripts that people use today, on the same frames, in one run."""
