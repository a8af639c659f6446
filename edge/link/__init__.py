"""The link between sensor and publisher: one bounded message a packet."""
