"""Photographs of the shared material, and how well two detectors agree on them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.catalog.manifest import Artefact, Manifest, ModelFile
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.geometry import Box, iou
from edge.sensor.imaging import letterbox, stretch
from edge.sensor.inference.opening import open_session
from edge.sensor.types import Image

LEAST_FACE_PX = 20.0
SAME_FACE_IOU = 0.5


def photographs(archive: Path, first: int = 0, step: int = 1) -> Iterator[Image]:
    """Every step-th photograph of a tar, BGR, from the first on, by name."""
    with tarfile.open(archive) as tar:
        members = sorted((member for member in tar.getmembers() if member.isfile()), key=lambda member: member.name)
        for member in members[first::step]:
            stream = tar.extractfile(member)
            assert stream is not None
            image = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            yield image


def cut(images: Iterator[Image], manifest: Manifest) -> np.ndarray:
    """Photographs as a detector of this manifest takes them: uint8 (N, H, W, 3) BGR."""
    hw = manifest.input.height_px, manifest.input.width_px
    fit = (lambda image: letterbox(image, hw)[0]) if manifest.input.resize == "letterbox" else None
    return np.stack([fit(image) if fit else stretch(image, hw) for image in images])


def with_artefact(manifest: Manifest, kind: str, path: Path, hw: tuple[int, int]) -> Manifest:
    """A network's manifest with one file, of one size; a TFLite file takes pixels as they are."""
    file = ModelFile(path=path.name, sha256="0" * 64, size=path.stat().st_size)
    wanted = msgspec.structs.replace(manifest.input, height_px=hw[0], width_px=hw[1], multiple_of_px=0)
    if kind == "tflite-int8":
        wanted = msgspec.structs.replace(
            wanted, colour="BGR", layout="NHWC", dtype="uint8", mean=(0.0, 0.0, 0.0), scale=1.0
        )
    return msgspec.structs.replace(manifest, artefacts=(Artefact(kind=kind, files=(file,)),), input=wanted)


def open_detector(manifest: Manifest, folder: Path, target: str) -> NetworkDetector:
    return NetworkDetector(lambda hw: open_session(manifest, folder, [target], threads=2, input_hw=hw), manifest)


@dataclass
class Agreement:
    """How many faces one detector has, and how many of these the other has too."""

    expected: int = 0
    recalled: int = 0
    found: int = 0
    right: int = 0

    @property
    def recall(self) -> float:
        return self.recalled / self.expected

    @property
    def precision(self) -> float:
        return self.right / self.found

    def add(self, reference: Sequence[Box], given: Sequence[Box]) -> None:
        large, large_given = ([box for box in boxes if is_large(box)] for boxes in (reference, given))
        self.expected += len(large)
        self.recalled += match(large, given)
        self.found += len(large_given)
        self.right += match(large_given, reference)


def is_large(box: Box) -> bool:
    return min(box.width, box.height) >= LEAST_FACE_PX


def match(boxes: Sequence[Box], others: Sequence[Box]) -> int:
    """How many boxes have another of their own; best overlaps first, each used once."""
    pairs = sorted(
        ((iou(box, other), i, j) for i, box in enumerate(boxes) for j, other in enumerate(others)), reverse=True
    )
    used: tuple[set[int], set[int]] = (set(), set())
    for overlap, i, j in pairs:
        if overlap >= SAME_FACE_IOU and i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
    return len(used[0])


def agreement(
    reference: NetworkDetector, artefact: NetworkDetector, images: Iterator[Image], score: float
) -> Agreement:
    """Both detectors on the same photographs."""
    tally = Agreement()
    for image in images:
        boxes = []
        for detector in (reference, artefact):
            detector.start(image)
            boxes.append([face.box for face in detector.wait() if face.score >= score])
        tally.add(*boxes)
    return tally
