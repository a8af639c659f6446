"""Caffe in: prototxt and caffemodel (layers of both styles) become ONNX."""
