"""Passerby, the workstation half that trains and evaluates networks."""
