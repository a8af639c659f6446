"""Worker of the `tflite` environment: an ONNX file and calibration pictures in, a full-integer TFLite file out.

In: {"core": path, "input": name, "outputs": {name: shape} in the core's order, "compared": number of pictures}, and
`pictures` uint8 (N, H, W, 3) BGR. Out: `file` uint8 (bytes of the TFLite file), and under each output's name the float
graph's values for the first pictures.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import framing

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
PASSING = ("RESHAPE", "TRANSPOSE")
LARGEST_LOGIT = 6.24
"""The natural logarithm of 511: beyond it a sigmoid rounds to the smallest or the largest of 256 steps."""
RANGED = 16
"""Pictures that set each tensor's range: with more, a single unusual one widens the range for all."""
CORRECTED = 32
"""Pictures used to correct the biases."""
SAMPLE_IMAGES = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""onnx2tf downloads this file where the working folder does not have it."""


def main() -> None:
    """Receive one message, convert, send the answer."""
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
    """The network as a TensorFlow module, and its one function, whose signature uses the core's names."""
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
        return {output: channels_first(tensor, shape) for (output, shape), tensor in pairs}

    module = tf.Module()
    module.answer = tf.function(answer)
    spec = tf.TensorSpec([1, hw[0], hw[1], 3], tf.float32, name=name)
    serve = module.answer.get_concrete_function(**{name: spec})
    module.weights = list(serve.graph.variables)  # a module saves its attributes only
    return module, serve


def channels_first(tensor: Any, shape: list[int]) -> Any:
    """An output in the core's layout: onnx2tf returns maps with their channels last."""
    import tensorflow as tf

    if len(shape) != 4 or list(tensor.shape) == shape:
        return tensor
    return tf.transpose(tensor, [0, 3, 1, 2])


def run(serve: Any, name: str, picture: Any) -> dict[str, Any]:
    """The float graph's outputs for one picture."""
    import tensorflow as tf

    outputs = serve(**{name: tf.constant(picture[None].astype("float32"))})
    return {output: tensor.numpy() for output, tensor in outputs.items()}


def make_converter(module: Any, serve: Any) -> Any:
    """TensorFlow's converter for the module."""
    import tensorflow as tf

    tf.saved_model.save(module, "saved_model", signatures=serve)
    return tf.lite.TFLiteConverter.from_saved_model("saved_model")


def convert(module: Any, serve: Any, pictures: Any) -> bytes:
    """Full-integer quantization after Jacob et al., CVPR 2018: int8 inside, uint8 at both ends."""
    import tensorflow as tf

    plain = make_converter(module, serve).convert()
    converter = make_converter(module, serve)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [picture[None].astype("float32")] for picture in spread(pictures, RANGED)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    # The Edge TPU supports only the old format of dense weights: one scale for the whole tensor.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    content = narrow_logits(bytes(converter.convert()))
    return correct_biases(content, bytes(plain), spread(pictures, CORRECTED))


def spread(pictures: Any, count: int) -> Any:
    """About `count` of the pictures, evenly spread, the first included."""
    return pictures[:: max(1, len(pictures) // count)]


def narrow_logits(content: bytes) -> bytes:
    """Limit the inputs of sigmoids to +-LARGEST_LOGIT.

    A detector's logits reach -50 where there is no face, and steps wide enough for that leave few for the values that
    separate a face from the background.
    """
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema

    changed = bytearray(content)
    graph = schema.Model.GetRootAs(changed, 0).Subgraphs(0)
    ops = open_interpreter(content, every_tensor=True)._get_ops_details()
    makers = {place: op for op in ops for place in op["outputs"]}
    for sigmoid in (op for op in ops if op["op_name"] == "LOGISTIC"):
        chain = [sigmoid["inputs"][0]]
        while makers.get(chain[-1], {}).get("op_name") in PASSING:
            chain.append(makers[chain[-1]]["inputs"][0])
        readers = [op for op in ops for place in op["inputs"] if place in chain]
        if makers.get(chain[-1], {}).get("op_name") not in LAYERS or len(readers) != len(chain):
            continue
        quantizations = [graph.Tensors(place).Quantization() for place in chain]
        scale, zero = float(quantizations[0].Scale(0)), int(quantizations[0].ZeroPoint(0))
        low = max((-128 - zero) * scale, -LARGEST_LOGIT)
        high = min((127 - zero) * scale, LARGEST_LOGIT)
        if not low <= 0 < high:
            continue
        for quantization in quantizations:
            quantization.ScaleAsNumpy()[0] = np.float32((high - low) / 255)
            quantization.ZeroPointAsNumpy()[0] = np.clip(round(-128 - low * 255 / (high - low)), -128, 127)
    return bytes(changed)


def correct_biases(content: bytes, plain: bytes, pictures: Any) -> bytes:
    """Subtract from each layer's bias the mean error that 8 bits cause there, layer by layer from the input on.

    After Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV 2019, with
    pictures in place of statistics. plain: the same graph in float, whose tensors have the same names.
    """
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema

    changed = bytearray(content)
    model = schema.Model.GetRootAs(changed, 0)  # reads and writes the bytes in place
    graph = model.Subgraphs(0)
    layers = find_layers(content)
    floats = mean_outputs(plain, pictures, {layer["name"]: layer["range"] for layer in layers})
    buffers = [graph.Tensors(place).Buffer() for place in range(graph.TensorsLength())]
    for layer in layers:
        buffer = buffers[layer["bias"]]
        shared = buffers.count(buffer) + [other["bias"] for other in layers].count(layer["bias"]) > 2
        if layer["name"] not in floats or shared:
            continue
        watched = bytearray(changed)
        schema.Model.GetRootAs(watched, 0).Subgraphs(0).OutputsAsNumpy()[0] = layer["output"]
        error = floats[layer["name"]] - mean_output(bytes(watched), layer["output"], pictures)
        biases = model.Buffers(buffer).DataAsNumpy().view(np.int32)
        biases += np.rint(error / layer["steps"]).astype(np.int32)
    return bytes(changed)


def find_layers(content: bytes) -> list[dict[str, Any]]:
    """Layers with biases, in order: the output's name, index and range, the bias's index and its quantization steps."""
    interpreter = open_interpreter(content, every_tensor=True)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    layers = []
    for op in interpreter._get_ops_details():
        if op["op_name"] in LAYERS and len(op["inputs"]) == 3 and op["inputs"][2] >= 0:  # -1: no bias (all zeros)
            bias, output = op["inputs"][2], op["outputs"][0]
            steps = tensors[bias]["quantization_parameters"]["scales"]
            scale, zero = tensors[output]["quantization"]
            ends = ((-128 - zero) * scale, (127 - zero) * scale)
            facts = {"name": tensors[output]["name"], "output": output, "range": ends, "bias": bias, "steps": steps}
            layers.append(facts)
    return layers


def mean_outputs(plain: bytes, pictures: Any, ranges: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Mean over the pictures of each channel of a float file's layers, clipped to the 8-bit ranges, by output name."""
    interpreter = open_interpreter(plain, every_tensor=True)
    names = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    places = {place: name for place, name in names.items() if name in ranges}
    sums = dict.fromkeys(places.values(), 0.0)
    for picture in pictures:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None].astype("float32"))
        interpreter.invoke()
        for place, name in places.items():
            sums[name] = sums[name] + channel_means(interpreter.get_tensor(place).clip(*ranges[name]))
    return {name: total / len(pictures) for name, total in sums.items()}


def mean_output(content: bytes, place: int, pictures: Any) -> Any:
    """The same for one tensor of an 8-bit file, which must be one of its outputs, as real (dequantized) values."""
    interpreter = open_interpreter(content, every_tensor=False)
    (scale, zero) = next(t["quantization"] for t in interpreter.get_output_details() if t["index"] == place)
    total = 0.0
    for picture in pictures:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
        interpreter.invoke()
        total = total + channel_means(interpreter.get_tensor(place))
    return (total / len(pictures) - zero) * scale


def channel_means(values: Any) -> Any:
    """Mean of each position of the last axis."""
    return values.reshape(-1, values.shape[-1]).mean(axis=0, dtype="float64")


def open_interpreter(content: bytes, every_tensor: bool) -> Any:
    """Open it with one thread: several wait for one another on a busy machine. every_tensor: keep all readable."""
    import tensorflow as tf

    resolvers = tf.lite.experimental.OpResolverType
    interpreter = tf.lite.Interpreter(
        model_content=content,
        num_threads=1,
        experimental_preserve_all_tensors=every_tensor,
        experimental_op_resolver_type=resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES if every_tensor else resolvers.AUTO,
    )
    interpreter.allocate_tensors()
    return interpreter


if __name__ == "__main__":
    main()
