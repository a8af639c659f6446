"""From a run to the detector's folders, one for each size of the input: the float ONNX file and its manifest."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from edge.catalog.manifest import Artefact, Input, Manifest, ModelFile, Thresholds
from edge.catalog.manifest_file import MANIFEST, write_manifest
from edge.files import write_folder
from training.data.scenes import Scenes
from training.detection.calibration import Line, calibrate
from training.detection.config import DetectionConfig
from training.detection.faces import NMS_IOU
from training.detection.trained import load_detector
from training.networks.detection import BOX, POINTS, SCORE, STRIDES, DetectionNetwork
from training.runs.export import INPUT, export_onnx

SIZES_HW = {"": (192, 320), "-640": (384, 640)}
"""Suffix of the id -> height and width of the input in px."""
PARTS = ("score", "bbox", "kps")
SCORE_THRESHOLD, LOW_SCORE_THRESHOLD = 0.5, 0.3


class Answering(nn.Module):
    """A detector whose answers `edge.sensor.detection.yunet` can read, with calibrated scores.

    Each kind of answer has its own convolution: in 8 bits they would otherwise share one range.
    """

    def __init__(self, network: DetectionNetwork, line: Line) -> None:
        super().__init__()
        self.network = deepcopy(network)
        self.heads = nn.ModuleList(_split_head(cast(nn.Conv2d, head), line) for head in network.heads)
        self.network.heads = nn.ModuleList(nn.Identity() for _ in STRIDES)

    def take_bytes(self) -> None:
        """See `training.runs.export.TakesBytes`."""
        self.network.take_bytes()

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Score (1, A, 1) 0-1, box (1, A, 4) and points (1, A, 10) of strides 8, 16 and 32."""
        answers = []
        for features, parts in zip(self.network.features(pictures), self.heads, strict=True):
            score, box, points = (part(features).permute(0, 2, 3, 1) for part in cast(nn.ModuleList, parts))
            answers += [score.reshape(1, -1, SCORE).sigmoid(), box.reshape(1, -1, BOX), points.reshape(1, -1, POINTS)]
        return tuple(answers)


def export_detector(run: Path, out: Path, calibration: Scenes | None = None) -> list[Path]:
    """Write `out/<id>` and `out/<id>-640`; run: a run's folder or a weights file. The same weights give the same bytes.

    calibration: pictures that training has not seen; without them the scores are not changed. Raises BadInput.
    """
    network, config = load_detector(run)
    return [_export(network, config, ending, out, calibration) for ending in SIZES_HW]


def _export(
    network: DetectionNetwork, config: DetectionConfig, ending: str, out: Path, calibration: Scenes | None
) -> Path:
    hw, name = SIZES_HW[ending], f"{config.card.id}{ending}"
    line = Line() if calibration is None else calibrate(network, calibration, hw)
    content = _for_any_size(export_onnx(Answering(network, line), hw, output_names()))
    manifest = describe(config, name, hw, content, line)
    write_folder(out / name, {f"{name}.onnx": content, MANIFEST: write_manifest(manifest).encode()})
    return out / name


def _for_any_size(content: bytes) -> bytes:
    """The same file with the number of cells left open where answers become rows: the exporter fixes it to one size."""
    model = onnx.load_from_string(content)
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for constant in model.graph.initializer:
        if constant.name in shapes:
            first, _, last = numpy_helper.to_array(constant).tolist()
            constant.CopyFrom(numpy_helper.from_array(np.array((first, -1, last), np.int64), constant.name))
    opened: bytes = model.SerializeToString(deterministic=True)
    return opened


def output_names() -> tuple[str, ...]:
    """Names of the file's outputs, in order."""
    return tuple(f"{part}_{stride}" for stride in STRIDES for part in PARTS)


def describe(config: DetectionConfig, name: str, hw: tuple[int, int], content: bytes, line: Line) -> Manifest:
    """The manifest of an exported detector.

    The decoder takes the geometric mean of two scores; here both are the same, so the mean is the score itself.
    """
    card, file = config.card, f"{name}.onnx"
    words = {f"{word}_{stride}": f"score_{stride}" for word in ("cls", "obj") for stride in STRIDES}
    words |= {f"{word}_{stride}": f"{word}_{stride}" for word in ("bbox", "kps") for stride in STRIDES}
    return Manifest(
        schema="passerby.manifest/1",
        id=name,
        version=card.version,
        task="detection",
        description=card.description,
        licence=card.licence,
        source=card.source,
        training_data=card.training_data,
        artefacts=(
            Artefact(
                kind="onnx",
                files=(ModelFile(path=file, sha256=hashlib.sha256(content).hexdigest(), size=len(content)),),
            ),
        ),
        input=Input(name=INPUT, width_px=hw[1], height_px=hw[0], multiple_of_px=32, resize="letterbox"),
        decoder="yunet",
        outputs=words,
        thresholds=Thresholds(score=SCORE_THRESHOLD, low_score=LOW_SCORE_THRESHOLD, nms_iou=NMS_IOU),
        metrics={"calibration_slope": round(line.slope, 4), "calibration_offset": round(line.offset, 4)},
    )


def _split_head(head: nn.Conv2d, line: Line) -> nn.ModuleList:
    """Separate convolutions for score, box and points, with the calibration's line applied to the scores' logits."""
    parts, at = nn.ModuleList(), 0
    assert head.bias is not None
    for size in (SCORE, BOX, POINTS):
        part = nn.Conv2d(head.in_channels, size, 1)
        slope, offset = (line.slope, line.offset) if size == SCORE else (1.0, 0.0)
        with torch.no_grad():
            part.weight.copy_(head.weight[at : at + size] * slope)
            cast(Tensor, part.bias).copy_(head.bias[at : at + size] * slope + offset)
        parts.append(part)
        at += size
    return parts
