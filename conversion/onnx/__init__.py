"""ONNX in: checked, pinned to one size, simplified, with colour, mean and scale baked in; and rewrites for 8 bits."""
