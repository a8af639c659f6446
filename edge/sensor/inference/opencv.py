"""OpenCV: its DNN module (Caffe, TensorFlow and ONNX files as they are) and its Haar cascades, on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import Input
from edge.errors import BackendUnavailable
from edge.sensor.inference.pictures import failed, need_tensors, normalise, refused
from edge.sensor.inference.request import SessionRequest, SizedSession
from edge.sensor.inference.synchronous import SynchronousSession
from edge.sensor.types import Image, Tensor

CONFIG_SUFFIXES = {".prototxt", ".pbtxt"}
SCALE_STEP = 1.1
"""Ratio between the sizes that a cascade searches, as in the tutorials."""
FACE_NEIGHBOURS = 5
"""Overlapping hits that the tutorials ask of a face; they give a score of 0.5."""
LEAST_NEIGHBOURS = 2


class _Network:
    """One network of `cv2.dnn`."""

    def __init__(self, request: SessionRequest, network: Any) -> None:
        self._request, self._network = request, network
        # The module lists no input names; a wrong one shows at the first inference.
        need_tensors(request, {request.input.name}, network.getUnconnectedOutLayersNames())

    def infer(self, picture: Image) -> dict[str, Tensor]:
        """See `edge.sensor.inference.synchronous.Infer`."""
        names = self._request.output_names
        try:
            self._network.setInput(_blob(picture, self._request.input), self._request.input.name)
            return dict(zip(names, self._network.forward(names), strict=True))
        except cv2.error as error:
            raise failed(self._request, error) from error


def _blob(picture: Image, wanted: Input) -> NDArray[np.float32]:
    """One picture as the module takes it: floats, even where the network asks for bytes, which it reads as floats."""
    if wanted.layout == "NHWC":
        return np.ascontiguousarray(normalise(picture, wanted)[None])
    size = picture.shape[1::-1]
    blob: NDArray[np.float32] = cv2.dnn.blobFromImage(
        picture, wanted.scale, size, wanted.mean, swapRB=wanted.colour == "RGB"
    )
    return blob


class _Cascade:
    """A Haar cascade (Viola and Jones, CVPR 2001). Outputs `boxes` float32 (N, 4) corners in px and `scores` (N,).

    A cascade has no probability: the score is 1 - 0.5 ** (n / 5) of the n hits that overlap.
    """

    def __init__(self, request: SessionRequest, cascade: Any) -> None:
        self._request, self._cascade = request, cascade

    def infer(self, picture: Image) -> dict[str, Tensor]:
        """See `edge.sensor.inference.synchronous.Infer`."""
        try:
            grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            boxes, hits = self._cascade.detectMultiScale2(grey, scaleFactor=SCALE_STEP, minNeighbors=LEAST_NEIGHBOURS)
        except cv2.error as error:
            raise failed(self._request, error) from error
        corners = np.array(boxes, np.float32).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        overlapping = np.array(hits, np.float32).reshape(-1)
        return {"boxes": corners, "scores": 1 - np.float32(0.5) ** (overlapping / FACE_NEIGHBOURS)}


def open_opencv(request: SessionRequest) -> SizedSession:
    """Load a network or a cascade. Raises BackendUnavailable (OpenCV 5 reads no Caffe and no cascade), InferenceError.

    OpenCV has one number of threads for the whole process, which this sets.
    """
    cv2.setNumThreads(request.threads)
    if request.artefact.kind == "opencv-cascade":
        return _open_cascade(request)
    if request.artefact.kind == "caffe" and not hasattr(cv2.dnn, "readNetFromCaffe"):
        raise BackendUnavailable(request.target, f"OpenCV {cv2.__version__} reads no Caffe files; install opencv < 5")
    weights, config = _split_files(request)
    try:
        network = cv2.dnn.readNet(str(weights), str(config) if config else "")
        network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        return SynchronousSession(request, request.input_hw, _Network(request, network).infer)
    except cv2.error as error:
        raise refused(request, error) from error


def _split_files(request: SessionRequest) -> tuple[Path, Path | None]:
    """The weights, and the text that describes the layers where the format keeps it apart."""
    paths = [request.folder / file.path for file in request.artefact.files]
    config = next((path for path in paths if path.suffix in CONFIG_SUFFIXES), None)
    return next(path for path in paths if path != config), config


def _open_cascade(request: SessionRequest) -> SizedSession:
    if not hasattr(cv2, "CascadeClassifier"):
        raise BackendUnavailable(request.target, f"OpenCV {cv2.__version__} has no cascades; install opencv < 5")
    try:
        cascade = cv2.CascadeClassifier(str(request.path))
    except (cv2.error, SystemError) as error:
        raise refused(request, error) from error
    if cascade.empty():
        raise refused(request, "it is not a cascade")
    return SynchronousSession(request, request.input_hw, _Cascade(request, cascade).infer)
