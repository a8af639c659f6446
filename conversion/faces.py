"""Finds the faces of photographs with a network of the catalog, as the device does."""

from __future__ import annotations

from edge.catalog.lookup import open_catalog
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.inference.opening import KINDS, open_session
from edge.workbench.faces import FindFaces, find_with

TARGETS = ("openvino:CPU", "onnxruntime:CPU")


def open_finder(model_id: str) -> FindFaces:
    """A function that gives the faces of an image. Raises ModelNotFound, BackendUnavailable, ManifestError."""
    kinds = {kind for target in TARGETS for kind in KINDS[target.partition(":")[0]]}
    found = open_catalog().locate(model_id, kinds)
    detector = NetworkDetector(
        lambda hw: open_session(found.manifest, found.folder, TARGETS, threads=2, input_hw=hw), found.manifest
    )
    score = found.manifest.thresholds.score if found.manifest.thresholds else 0.5
    return find_with(detector, score)
