"""`passerby doctor`: what a device needs, looked at piece by piece; each finding says the one thing to do."""
