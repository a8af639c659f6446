"""Passerby, the device half: from a camera to anonymous visit events."""

__version__ = "0.1.0"
