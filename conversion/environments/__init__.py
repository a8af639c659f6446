"""Isolated Python environments for converters whose pinned packages must never enter the project's own."""
