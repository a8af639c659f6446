"""What every command shares at a terminal: flags, logging, a progress bar, Ctrl-C, lines of output."""
