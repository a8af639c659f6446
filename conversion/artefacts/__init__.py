"""The files that a conversion makes: a module for each kind, and `builders` lists them."""
