"""Passerby, the workstation half that converts networks for the device."""
