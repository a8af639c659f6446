"""A second opinion on how far a head is turned: Open Model Zoo's head-pose-estimation-adas-0001, through OpenVINO.

For comparison on a workstation; the device reads the pose from landmarks and never runs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.catalog.lookup import shared_dir
from edge.errors import InferenceError, ModelNotFound, UsageError, explain, missing_package
from edge.sensor.geometry import Box
from edge.sensor.imaging import crop_square
from edge.sensor.inference.openvino import the_core
from edge.sensor.inference.quiet import silence_openvino
from edge.sensor.types import Image
from edge.sensor.visits.pose import Pose

INPUT_PX = 60
MARGIN = 0.1
"""Margin on each side of the face, share of its side: Open Model Zoo's own face demo enlarges boxes by 1.2."""
YAW, PITCH = "angle_y_fc", "angle_p_fc"
"""Outputs, degrees; signs as in `edge.sensor.visits.pose`."""
PLACE = "omz/head-pose-estimation-adas-0001/FP16-INT8/head-pose-estimation-adas-0001.xml"


class HeadPose:
    """The network, for one face at a time."""

    def __init__(self, file: Path) -> None:
        """file: its `.xml` (or ONNX). Raises ModelNotFound, InferenceError, BackendUnavailable without OpenVINO."""
        if not file.is_file():
            raise ModelNotFound(
                explain("no such network", where=str(file), expected="head-pose-estimation-adas-0001.xml",
                        next_step="download it from Open Model Zoo and name it with --oracle")
            )  # fmt: skip
        self._request = _compile(file)

    def estimate(self, image: Image, box: Box) -> Pose:
        """Pose of the face in a box (px) of a picture, uint8 (H, W, 3) BGR."""
        face = crop_square(image, box, (INPUT_PX, INPUT_PX), MARGIN)
        found = self._request.infer({0: cv2.dnn.blobFromImage(face)})
        angles = {name: float(np.ravel(value)[0]) for key, value in found.items() for name in key.names}
        return Pose(angles[YAW], angles[PITCH])


def default_oracle() -> Path:
    """Where the network is among the test material. Raises UsageError where `PASSERBY_SHARED` is not set."""
    shared = shared_dir()
    if shared is None:
        raise UsageError(
            explain("no head pose network", where="--oracle", next_step="name a file, or set PASSERBY_SHARED")
        )
    return shared / "models" / PLACE


def _compile(file: Path) -> Any:
    silence_openvino()
    try:
        import openvino
    except ImportError as error:
        raise missing_package("the head pose network", "openvino", extra="openvino") from error
    hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    try:
        compiled = the_core(openvino).compile_model(str(file), "CPU", hints)
    except RuntimeError as error:
        raise InferenceError(explain("OpenVINO refuses the network", where=str(file), got=error)) from error
    _need_form(compiled, openvino.PartialShape([1, 3, INPUT_PX, INPUT_PX]), file)
    return compiled.create_infer_request()


def _need_form(compiled: Any, pictures: Any, file: Path) -> None:
    """Raise InferenceError where the network does not take pictures of this shape or does not give angles."""
    shapes = [each.partial_shape for each in compiled.inputs]
    names = {name for each in compiled.outputs for name in each.names}
    if len(shapes) == 1 and shapes[0].compatible(pictures) and {YAW, PITCH} <= names:
        return
    got = f"{', '.join(map(str, shapes))} -> {', '.join(sorted(names))}"
    expected = f"{pictures} -> {YAW}, {PITCH}, as head-pose-estimation-adas-0001 has them"
    raise InferenceError(explain("another network", where=str(file), got=got, expected=expected))
