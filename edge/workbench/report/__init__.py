"""Who came, when, and for how long: visit events as plots."""
