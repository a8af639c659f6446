"""Apparent age and gender of faces: pure decoders of network outputs, and the estimator that joins them."""
