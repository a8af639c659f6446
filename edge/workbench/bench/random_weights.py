"""Random weights for a Caffe network whose trained ones are not at hand: its time is true, its answers mean nothing.

Reads what Levi and Hassner's deploy files hold (V1 layers: convolution, pooling, inner product and layers that keep
the shape) and writes the blobs as Caffe's protobuf messages (github.com/BVLC/caffe, src/caffe/proto/caffe.proto).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.catalog.files import sha256_of
from edge.catalog.install import find_files, install
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Manifest, ModelFile
from edge.catalog.manifest_file import as_test_model
from edge.errors import BadInput, ModelNotFound, UsageError, explain

V1_TYPES = {"CONVOLUTION": 4, "INNER_PRODUCT": 14}
"""`V1LayerParameter.LayerType` of the layers that have weights."""
NET_LAYERS, LAYER_NAME, LAYER_TYPE, LAYER_BLOBS, BLOB_DATA = 2, 4, 5, 6, 5
"""Field numbers of NetParameter, V1LayerParameter and BlobProto; fields 1 to 4 of the last are the blob's shape."""

Weights = NDArray[np.float32]


class Layer(NamedTuple):
    """A layer with weights: its name, type, and the four numbers of its weights' shape."""

    name: str
    type: str
    shape: tuple[int, int, int, int]


def write_random_weights(prototxt: Path, caffemodel: Path, seed: int) -> None:
    """Write weights drawn from a seed (He et al., ICCV 2015) for the network that a deploy prototxt describes.

    The same seed gives the same file. Raises BadInput where the prototxt cannot be read as such a network.
    """
    generator = np.random.default_rng(seed)
    try:
        layers = read_layers(prototxt.read_text())
    except (OSError, ValueError, KeyError) as error:
        next_step = "it takes age_deploy.prototxt or gender_deploy.prototxt of Levi and Hassner"
        raise BadInput(explain("not a deploy prototxt", where=str(prototxt), next_step=next_step)) from error
    caffemodel.write_bytes(b"".join(_field(NET_LAYERS, _layer(layer, generator)) for layer in layers))


def read_layers(text: str) -> list[Layer]:
    """Layers with weights of a V1 prototxt, in order. Raises ValueError or KeyError where it is not one."""
    dims = [int(value) for value in re.findall(r"^input_dim:\s*(\d+)", text, re.MULTILINE)]
    if len(dims) != 4:
        raise ValueError("no input_dim")
    return list(_follow(text, channels=dims[1], side=dims[2]))


def _follow(text: str, channels: int, side: int) -> Iterator[Layer]:
    """Follow the shape of the data through the layers; an inner product takes all of it."""
    for block in re.split(r"^layers\s*\{", text, flags=re.MULTILINE)[1:]:
        words = dict(re.findall(r"(\w+):\s*\"?(\w+)", block))
        outputs, kernel, stride = (int(words.get(key, 1)) for key in ("num_output", "kernel_size", "stride"))
        slack = side + 2 * int(words.get("pad", 0)) - kernel
        if words["type"] == "CONVOLUTION":
            yield Layer(words["name"], words["type"], (outputs, channels, kernel, kernel))
            channels, side = outputs, slack // stride + 1
        elif words["type"] == "POOLING":
            side = -(-slack // stride) + 1  # Caffe rounds up
        elif words["type"] == "INNER_PRODUCT":
            yield Layer(words["name"], words["type"], (1, 1, outputs, channels * side * side))
            channels, side = outputs, 1


def _layer(layer: Layer, generator: np.random.Generator) -> bytes:
    outputs = layer.shape[0] if layer.type == "CONVOLUTION" else layer.shape[2]
    inputs = int(np.prod(layer.shape)) // outputs
    weights = generator.standard_normal(layer.shape, dtype=np.float32) * np.float32((2 / inputs) ** 0.5)
    biases = np.zeros((1, 1, 1, outputs), np.float32)
    head = _field(LAYER_NAME, layer.name.encode()) + _number(LAYER_TYPE, V1_TYPES[layer.type])
    return head + _field(LAYER_BLOBS, _blob(weights)) + _field(LAYER_BLOBS, _blob(biases))


def _blob(values: Weights) -> bytes:
    shape = b"".join(_number(position, size) for position, size in enumerate(values.shape, start=1))
    return shape + _field(BLOB_DATA, values.astype("<f4").tobytes())


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of protobuf's wire format."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))


def import_random(catalog: Catalog, model_id: str, source: Path, seed: int) -> Path:
    """Install a network's own layers, found in a folder, with weights drawn from a seed; returns where.

    Raises ModelNotFound where the folder has no such layers, UsageError for a network of another kind.
    """
    manifest = catalog.original(model_id)
    layers, weights = _caffe_files(manifest)
    found = find_files([layers], source)
    if layers not in found:
        raise ModelNotFound(explain(f"no {layers.path} in this folder", where=str(source)))
    with tempfile.TemporaryDirectory() as scratch:
        drawn = Path(scratch) / weights.path
        write_random_weights(found[layers], drawn, seed)
        size = drawn.stat().st_size
        test_model = as_test_model(manifest, weights.path, sha256=sha256_of(drawn), size=size, seed=seed)
        files = {file: drawn if file.path == weights.path else found[layers] for file in test_model.artefacts[0].files}
        return install(catalog, test_model, files, override=True)


def _caffe_files(manifest: Manifest) -> tuple[ModelFile, ModelFile]:
    """The layers and the weights of a Caffe network. Raises UsageError for a network of another kind."""
    for artefact in manifest.artefacts:
        if artefact.kind == "caffe" and manifest.decoder == "adience":
            weights = next(file for file in artefact.files if file.path.endswith(".caffemodel"))
            return next(file for file in artefact.files if file is not weights), weights
    expected = "levi-hassner-age or levi-hassner-gender"
    raise UsageError(explain("random weights do not fit this network", got=manifest.id, expected=expected))
