"""The files that a conversion makes: one module for each kind, listed in `builders`."""
