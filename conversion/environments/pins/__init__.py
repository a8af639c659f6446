"""The packages of each environment, each with its version."""
