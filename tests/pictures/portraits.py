"""Public-domain portraits that Python packages carry, and the networks of the shared material."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed (passerby[demo])")
pytest.importorskip("skimage", reason="skimage is not installed (passerby[demo])")


from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
from skimage.data import astronaut

from edge.catalog.lookup import Catalog, Located
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.geometry import iou
from edge.sensor.inference.opening import KINDS, open_session
from edge.sensor.types import Detection, Image
from tests.places import MODELS


def portrait_of_astronaut() -> Image:
    """512x512 px, one face of about 100 px (NASA, public domain; scikit-image carries it)."""
    return np.ascontiguousarray(astronaut()[..., ::-1])


def portrait_of_admiral() -> Image:
    """512x600 px, one face of about 130 px (US Navy, public domain; matplotlib carries it)."""
    image = cv2.imread(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    assert image is not None
    return image


def two_portraits() -> Image:
    """Both side by side, 1024x512 px."""
    return np.hstack((portrait_of_astronaut(), portrait_of_admiral()[:512]))


def locate(shared: Path, model: str, target: str) -> Located:
    """The artefacts of a model that a target reads, in the shared material."""
    raw = [shared / "models", Path(cv2.__file__).parents[1]]
    return Catalog(MODELS, MODELS / "none-installed", raw).locate(model, KINDS[target.partition(":")[0]])


def open_detector(
    shared: Path, model: str, target: str, *, input_width: int = 0, low_score: float = 0.0
) -> NetworkDetector:
    """A detector on one target."""
    found = locate(shared, model, target)
    return NetworkDetector(
        lambda hw: open_session(found.manifest, found.folder, [target], threads=1, input_hw=hw),
        found.manifest,
        input_width=input_width,
        low_score=low_score,
    )


def detect(detector: NetworkDetector, image: Image, score: float = 0.0) -> list[Detection]:
    """Faces of one image with at least that score."""
    detector.start(image)
    return [face for face in detector.wait() if face.score >= score]


def same_faces(found: Sequence[Detection], expected: Sequence[Detection], *, least_iou: float) -> bool:
    """Whether both hold the same number of faces, each overlapping one of the other by at least least_iou."""
    overlaps = [max((iou(face.box, other.box) for other in found), default=0.0) for face in expected]
    return len(found) == len(expected) and all(overlap >= least_iou for overlap in overlaps)
