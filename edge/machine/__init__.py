"""What a process has of its machine and tells it: heat, clock, counters, folders, a button, the wish to stop."""
