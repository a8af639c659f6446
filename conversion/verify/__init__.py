"""Measures how much each artefact loses against the float network, in tensors and in the task's own metrics."""
