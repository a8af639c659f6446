"""What a process reads of its machine and reports to it: heat, clock, counters, folders, a button, requests to end."""
