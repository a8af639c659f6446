"""How reports look and are written: plots without a screen, one page that needs no other file."""
