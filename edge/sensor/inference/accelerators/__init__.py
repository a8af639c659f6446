"""Accelerators that live in child processes: what a vendor's library does there cannot end or stop the sensor."""
