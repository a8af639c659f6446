"""`passerby doctor`: checks of what a device needs; each finding names the one thing to do."""
