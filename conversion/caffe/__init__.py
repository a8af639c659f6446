"""Converts Caffe to ONNX: prototxt and caffemodel, with layers of both styles."""
