"""What a process says of its own health."""
