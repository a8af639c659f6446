"""Who came, when, and for how long: visit events as plots for people who look rather than read."""
