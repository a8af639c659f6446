"""Finding faces: pure decoders of network outputs, suppression of doubles, and the detector that joins them."""
