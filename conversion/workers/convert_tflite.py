"""Worker of the `tflite` environment: an ONNX file and calibration pictures in, a full-integer TFLite file out.

In: {"core": path, "input": name, "outputs": {name: shape} in the core's order, "compared": number of pictures}, and
`pictures` uint8 (N, H, W, 3) BGR. Out: `file` uint8 (bytes of the TFLite file), and for each output what the graph gave
in float for the first pictures, under its name.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import framing

SAMPLE_IMAGES = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""onnx2tf fetches this file from the network where it is not in the working folder."""


def main() -> None:
    """Read one message, convert, answer."""
    answer = framing.take_stdout()
    header, arrays = framing.receive(sys.stdin.buffer)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import numpy as np

    np.save(SAMPLE_IMAGES, np.random.default_rng(0).random((20, 128, 128, 3), dtype=np.float32))
    pictures = arrays["pictures"]
    module, serve = make_module(header["core"], header["input"], header["outputs"], pictures.shape[1:3])
    compared = [run(serve, header["input"], picture) for picture in pictures[: header["compared"]]]
    floats = {name: np.concatenate([outputs[name] for outputs in compared]) for name in header["outputs"]}
    file = convert(module, serve, pictures)
    framing.send(answer, {}, {"file": np.frombuffer(file, np.uint8), **floats})


def make_module(core: str, name: str, outputs: dict[str, list[int]], hw: tuple[int, int]) -> tuple[Any, Any]:
    """The network as a TensorFlow module, and its one function, whose signature has the core's names."""
    import onnx2tf
    import tensorflow as tf

    network = onnx2tf.convert(
        input_onnx_file_path=core,
        output_folder_path="onnx2tf",
        not_use_onnxsim=True,
        disable_model_save=True,
        non_verbose=True,
    )

    def answer(**pictures: Any) -> dict[str, Any]:
        given = network(pictures[name])
        listed = list(given) if isinstance(given, (list, tuple)) else [given]
        pairs = zip(outputs.items(), listed, strict=True)
        return {word: channels_first(tensor, shape) for (word, shape), tensor in pairs}

    module = tf.Module()
    module.answer = tf.function(answer)
    spec = tf.TensorSpec([1, hw[0], hw[1], 3], tf.float32, name=name)
    serve = module.answer.get_concrete_function(**{name: spec})
    module.weights = list(serve.graph.variables)  # a module saves what it has as attributes
    return module, serve


def channels_first(tensor: Any, shape: list[int]) -> Any:
    """An output as the core gives it: onnx2tf gives maps with their channels last."""
    import tensorflow as tf

    if len(shape) != 4 or list(tensor.shape) == shape:
        return tensor
    return tf.transpose(tensor, [0, 3, 1, 2])


def run(serve: Any, name: str, picture: Any) -> dict[str, Any]:
    """The float graph's outputs of one picture."""
    import tensorflow as tf

    outputs = serve(**{name: tf.constant(picture[None].astype("float32"))})
    return {word: tensor.numpy() for word, tensor in outputs.items()}


def convert(module: Any, serve: Any, pictures: Any) -> bytes:
    """Full-integer quantization after Jacob et al., CVPR 2018: int8 inside, uint8 at both ends."""
    import tensorflow as tf

    tf.saved_model.save(module, "saved_model", signatures=serve)
    converter = tf.lite.TFLiteConverter.from_saved_model("saved_model")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[None].astype("float32")] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    # The Edge TPU takes only the old format of dense weights: one scale for all.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


if __name__ == "__main__":
    main()
