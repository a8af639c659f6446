"""Labelled photographs: what evaluation, training and the checks of a conversion read."""
