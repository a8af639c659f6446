"""Prepares ONNX: checked, pinned to one size, simplified, colour order, mean and scale baked in; 8-bit rewrites."""
