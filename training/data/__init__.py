"""Labelled photographs for training and evaluation: read where they lie, split without near-copies, reported."""
