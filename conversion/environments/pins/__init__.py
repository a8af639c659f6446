"""The packages of each environment, every one with its version."""
