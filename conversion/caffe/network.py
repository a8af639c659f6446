"""Reads prototxt, caffemodel and mean.binaryproto; layers of both styles become one type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from conversion.caffe.schema import message_type
from edge.errors import BadInput, explain

Shape = tuple[int, ...]
Blob = NDArray[np.float32]

TEST, FLOAT16 = 1, 2
"""`Phase` of a deployed network; `Type` of 16-bit blobs."""

NEWER_NAMES = {
    "CONVOLUTION": "Convolution", "DECONVOLUTION": "Deconvolution", "INNER_PRODUCT": "InnerProduct", "LRN": "LRN",
    "RELU": "ReLU", "POOLING": "Pooling", "DROPOUT": "Dropout", "SOFTMAX": "Softmax", "CONCAT": "Concat",
    "ELTWISE": "Eltwise", "SIGMOID": "Sigmoid", "TANH": "TanH", "POWER": "Power", "SPLIT": "Split",
    "FLATTEN": "Flatten", "SLICE": "Slice",
}  # fmt: skip
"""Older name of a layer's type -> newer name; other names are not changed."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. params: its protobuf message; both styles name parameters alike. blobs: float32 weights."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    params: Any
    blobs: tuple[Blob, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """A deploy network: the shape of each input (N, C, H, W) in the file, and the layers in order."""

    inputs: Mapping[str, Shape]
    layers: tuple[Layer, ...]


def read_network(prototxt: Path, caffemodel: Path) -> Network:
    """Read the layers with their weights. Raises BadInput for a file of another kind, or a truncated one."""
    net = _parse_text(prototxt)
    trained = _read_weights(caffemodel)
    layers = [_layer(message, trained) for message in (*net.layers, *net.layer) if _in_use(message)]
    inputs = _declared_inputs(net) | _input_layers(net)
    if not inputs or not layers:
        next_step = "give the deploy prototxt, not the one for training"
        raise BadInput(explain("no input or no layers", where=str(prototxt), next_step=next_step))
    return Network(inputs, tuple(layer for layer in layers if layer.type != "Input"))


def read_mean(path: Path) -> tuple[float, float, float]:
    """Mean of each channel (BGR, 0-255) of a mean.binaryproto, for networks that subtract one value per channel.

    Caffe subtracts the mean image pixel by pixel; tutorials and the device subtract its mean colour. Raises BadInput.
    """
    blob = _parse_binary(path, "BlobProto")
    if not (blob.data or blob.double_data or blob.HasField("raw_data")):
        raise BadInput(explain("not a mean image", where=str(path), got="no numbers", expected="mean.binaryproto"))
    values = _array(blob, str(path))
    if values.ndim < 3 or values.shape[-3] != 3:
        raise BadInput(explain("not a mean image", where=str(path), got=values.shape, expected="(1, 3, height, width)"))
    blue, green, red = values.reshape(3, -1).mean(axis=1, dtype=np.float64).tolist()
    return blue, green, red


def _parse_text(path: Path) -> Any:
    try:
        return text_format.Parse(path.read_text(), message_type("Net")(), allow_unknown_field=True)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise BadInput(explain(f"not a prototxt ({_reason(error)})", where=str(path))) from error


def check_fields(prototxt: Path) -> None:
    """Refuse a parameter that this reader does not know: ignoring it could change the outputs. Raises BadInput."""
    try:
        text_format.Parse(prototxt.read_text(), message_type("Net")())
    except text_format.ParseError as error:
        raise BadInput(explain(f"an unknown parameter ({_reason(error)})", where=str(prototxt))) from error


def _parse_binary(path: Path, kind: str) -> Any:
    try:
        return message_type(kind).FromString(path.read_bytes())
    except OSError as error:
        raise BadInput(explain("cannot be read", where=str(path), got=error.strerror)) from error
    except DecodeError as error:
        next_step = "the file is truncated or is something else; get it again"
        what = f"not a Caffe {path.suffix.lstrip('.') or 'file'} ({error})"
        raise BadInput(explain(what, where=str(path), next_step=next_step)) from error


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _read_weights(path: Path) -> dict[str, tuple[Blob, ...]]:
    net = _parse_binary(path, "TrainedNet")
    found = {
        layer.name: tuple(_array(blob, f"{path}, layer {layer.name}") for blob in layer.blobs)
        for layer in (*net.layers, *net.layer)
    }
    if not any(found.values()):
        next_step = "give the prototxt first, then the caffemodel"
        raise BadInput(explain("no weights in this file", where=str(path), next_step=next_step))
    return found


def _array(blob: Any, where: str) -> Blob:
    """A blob's values as float32, from floats, doubles, or the 16-bit floats of NVIDIA's and OpenCV's files."""
    values = np.array(blob.data or blob.double_data, np.float32)
    if blob.HasField("raw_data"):
        values = np.frombuffer(blob.raw_data, "<f2" if blob.raw_data_type == FLOAT16 else "<f4").astype(np.float32)
    shape = tuple(blob.shape.dim) or (blob.num, blob.channels, blob.height, blob.width)
    if values.size != np.prod(shape) or not values.size:
        raise BadInput(
            explain("a blob is truncated", where=where, got=f"{values.size} numbers", expected=f"shape {shape}")
        )
    return values.reshape(shape)


def _layer(message: Any, trained: Mapping[str, tuple[Blob, ...]]) -> Layer:
    kind = message.type
    if not isinstance(kind, str):
        older = type(message).DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[kind].name
        kind = NEWER_NAMES.get(older, older)
    return Layer(message.name, kind, tuple(message.bottom), tuple(message.top), message, trained.get(message.name, ()))


def _in_use(message: Any) -> bool:
    """Whether a layer belongs to the deployed network, by its include and exclude rules."""
    if message.include and not any(_holds(rule) for rule in message.include):
        return False
    return not any(_holds(rule) for rule in message.exclude)


def _holds(rule: Any) -> bool:
    return not rule.HasField("phase") or rule.phase == TEST


def _declared_inputs(net: Any) -> dict[str, Shape]:
    """`input` with `input_shape`, or with four `input_dim` each."""
    shapes: Iterable[Iterable[int]] = [shape.dim for shape in net.input_shape]
    if not net.input_shape:
        shapes = [net.input_dim[first : first + 4] for first in range(0, len(net.input_dim), 4)]
    return {name: tuple(shape) for name, shape in zip(net.input, shapes, strict=False)}


def _input_layers(net: Any) -> dict[str, Shape]:
    return {
        top: tuple(shape.dim)
        for layer in net.layer
        if layer.type == "Input"
        for top, shape in zip(layer.top, layer.input_param.shape, strict=False)
    }
