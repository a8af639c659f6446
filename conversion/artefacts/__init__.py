"""The files that a conversion makes: one builder a kind."""
