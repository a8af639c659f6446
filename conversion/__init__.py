"""The part of Passerby that converts networks for the device, on a workstation."""
