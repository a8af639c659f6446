"""How reports are drawn and written: plots without a screen, one page that needs no other file."""
