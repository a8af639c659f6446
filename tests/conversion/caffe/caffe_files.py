"""Caffe networks that tests make for themselves, with weights drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from conversion.caffe.schema import message_type

Shapes = Mapping[str, Sequence[tuple[int, ...]]]
"""Layer -> shapes of its blobs."""
FLOAT16 = 2


def draw(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float32]:
    """Weights that keep the size of what passes through; small positive numbers for biases and the like."""
    inputs = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    values = generator.standard_normal(shape) / inputs**0.5
    return np.asarray(np.abs(values) * 0.3 + 0.1 if len(shape) == 1 else values, np.float32)


def write_network(
    folder: Path, prototxt: str, shapes: Shapes, *, seed: int = 1, half: bool = False, old: bool = False
) -> tuple[Path, Path]:
    """`net.prototxt` and `net.caffemodel`; half: blobs of 16 bits; old: layers and shapes of the older style."""
    generator = np.random.default_rng(seed)
    trained = message_type("TrainedNet")()
    for name, wanted in shapes.items():
        layer = (trained.layers if old else trained.layer).add(name=name)
        for shape in wanted:
            _fill(layer.blobs.add(), draw(shape, generator), half=half, old=old)
    text, weights = folder / "net.prototxt", folder / "net.caffemodel"
    text.write_text(prototxt)
    weights.write_bytes(trained.SerializeToString())
    return text, weights


def _fill(blob: object, values: NDArray[np.float32], *, half: bool, old: bool) -> None:
    if old:
        padded = (1,) * (4 - values.ndim) + values.shape
        blob.num, blob.channels, blob.height, blob.width = padded  # type: ignore[attr-defined]
    else:
        blob.shape.dim.extend(values.shape)  # type: ignore[attr-defined]
    if half:
        blob.raw_data_type, blob.raw_data = FLOAT16, values.astype("<f2").tobytes()  # type: ignore[attr-defined]
    else:
        blob.data.extend(values.ravel().tolist())  # type: ignore[attr-defined]


def opencv_outputs(
    text: Path, weights: Path, inputs: NDArray[np.float32], names: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """What OpenCV's Caffe reader gives: of the layers named, or of the last one under the one name given."""
    network = cv2.dnn.readNetFromCaffe(str(text), str(weights))
    network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    network.setInput(inputs)
    known = set(names) <= set(network.getLayerNames())
    return dict(
        zip(names, network.forward(list(names) if known else network.getUnconnectedOutLayersNames()), strict=True)
    )


def scale_weights(weights: Path, layer: str, factor: float) -> None:
    """Multiply a layer's blobs: random weights make probabilities of 0 and 1, which would compare nothing."""
    trained = message_type("TrainedNet").FromString(weights.read_bytes())
    for each in (*trained.layers, *trained.layer):
        for blob in each.blobs if each.name == layer else ():
            values = np.array(blob.data, np.float32) * np.float32(factor)
            del blob.data[:]
            blob.data.extend(values.tolist())
    weights.write_bytes(trained.SerializeToString())
