"""ONNX in: checked, pinned to one size, simplified, and with colour, mean and scale baked in."""
