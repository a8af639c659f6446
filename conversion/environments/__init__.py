"""Isolated Python environments for converters whose pins must never enter the project's own."""
