"""Prepares ONNX: checked, pinned to one size, simplified, with colour order, mean and scale baked in; rewrites for 8 bits."""
