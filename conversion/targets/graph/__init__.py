"""Rewrites of a core's ONNX graph that keep its numbers and suit a converter or an accelerator."""
