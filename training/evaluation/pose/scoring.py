"""Poses read from landmarks compared with a network's, as measures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.sensor.types import Detection, Image
from edge.sensor.visits.pose import Pose, estimate_pose
from training.evaluation.pose.head_pose import HeadPose

YAW_RANGES_DEG = ((0, 15), (15, 30), (30, 45), (45, 90))
WITHIN_DEG = 45.0
"""Faces that the network sees turned further do not count: their landmarks are hidden behind the nose."""


class PoseError(Struct, frozen=True, kw_only=True):
    """Mean absolute and mean signed difference, degrees; null without a face. within: range of the network's yaw."""

    within: str
    faces: int
    yaw_error_deg: float | None
    yaw_bias_deg: float | None
    pitch_error_deg: float | None
    pitch_bias_deg: float | None


class PoseResult(Struct, frozen=True, kw_only=True):
    """A detector's landmarks on one set of pictures or one clip; total: within 45 degrees of yaw."""

    source: str
    detector: str
    total: PoseError
    ranges: list[PoseError]


@dataclass(frozen=True, slots=True)
class PosePairs:
    """Poses of F faces, float64 (F, 2) yaw and pitch in degrees: from landmarks, and by the network."""

    read: NDArray[np.float64]
    true: NDArray[np.float64]


def compare_poses(image: Image, faces: Iterable[Detection], network: HeadPose) -> list[tuple[Pose, Pose]]:
    """Pose from landmarks and pose by the network, for each face that has landmarks."""
    read = [(estimate_pose(face.landmarks), face.box) for face in faces]
    return [(pose, network.estimate(image, box)) for pose, box in read if pose is not None]


def score_poses(source: str, detector: str, pairs: Sequence[tuple[Pose, Pose]]) -> PoseResult:
    """Measures over all faces."""
    columns = np.array(pairs, np.float64).reshape(-1, 2, 2)
    found = PosePairs(columns[:, 0], columns[:, 1])
    return PoseResult(
        source=source,
        detector=detector,
        total=_error(found, 0, WITHIN_DEG, f"0-{WITHIN_DEG:g}"),
        ranges=[_error(found, low, high, f"{low}-{high}") for low, high in YAW_RANGES_DEG],
    )


def _error(pairs: PosePairs, low: float, high: float, name: str) -> PoseError:
    turned = np.abs(pairs.true[:, 0])
    chosen = (turned >= low) & (turned < high)
    difference = pairs.read[chosen] - pairs.true[chosen]
    absolute, signed = np.abs(difference), difference
    return PoseError(
        within=name,
        faces=int(chosen.sum()),
        yaw_error_deg=_mean(absolute[:, 0]),
        yaw_bias_deg=_mean(signed[:, 0]),
        pitch_error_deg=_mean(absolute[:, 1]),
        pitch_bias_deg=_mean(signed[:, 1]),
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None
