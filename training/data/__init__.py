"""Labelled photographs for training and evaluation: read in place, split without near-copies, reported."""
