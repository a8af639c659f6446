"""How faces move against the picture behind them, from one look to the next, by sparse optical flow.

After Lucas and Kanade, "An Iterative Image Registration Technique" (IJCAI 1981), in pyramids; points that are not found
again on the way back are dropped (Kalal et al., "Forward-Backward Error", ICPR 2010). What moves everything alike, a
camera that shakes, is taken off; so is brightness that flickers. Of a look one grey picture is kept, until the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np

from edge.sensor.geometry import Box, Points
from edge.sensor.imaging import Grey
from edge.sensor.types import Frame, Image, Track

GREY_WIDTH_PX = 640
"""Wider pictures are made this wide: finer than that, noise moves and people do not."""
_SURROUNDING_POINTS, _FACE_POINTS = 120, 20
_LEAST_SURROUNDING, _LEAST_FACE = 8, 5
"""Fewer points say nothing."""
_BACK_PX = 0.3
"""A point that comes back further from where it began was not followed."""

_ALIKE_PX, _ALIKE_SHARE = 0.3, 0.6
"""So many of the points outside must move alike, within this: else people move there, not the camera."""


class Motion(NamedTuple):
    """A face's motion since the look before, in sides of its box.

    step: across and down, against the surroundings; None where too few points of the face could be followed: it was
    covered, or turned away. spread: median distance of its points from moving as one. side_px: of the box, in the grey
    picture.
    """

    step: tuple[float, float] | None
    spread: float
    side_px: float


class FaceMotion:
    """Measures the motion of tracked faces between looks."""

    def __init__(self) -> None:
        self._before: Grey | None = None

    def forget(self) -> None:
        """Keep nothing: the next look is a first one."""
        self._before = None

    def look(self, frame: Frame, tracks: Sequence[Track]) -> dict[int, Motion]:
        """Motion of each track by its id, where its box is; empty at the first look and when pictures change size."""
        grey, scale = _grey(frame)
        before, self._before = self._before, grey
        if before is None or before.shape != grey.shape:
            return {}
        boxes = [track.box.scaled(scale) for track in tracks]
        level = cv2.convertScaleAbs(grey, alpha=float(before.mean()) / max(1.0, float(grey.mean())))
        surroundings = 2.0 * _corners(cv2.resize(before, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), None)
        around, *inside = _follow(before, level, [surroundings, *(_corners(before, box) for box in boxes)])
        shake = _shake(around, boxes)
        motions = (_motion(points, box, shake) for points, box in zip(inside, boxes, strict=True))
        return {track.track_id: motion for track, motion in zip(tracks, motions, strict=True)}


class _Flow(NamedTuple):
    """Points that were followed: where they were, and how far they moved; float32 (N, 2) px each."""

    points: Points
    steps: Points


def _grey(frame: Frame) -> tuple[Grey, float]:
    """The grey picture of a look, and its px for one px of the frame's image."""
    view: Image = frame.view
    width, height = min(GREY_WIDTH_PX, view.shape[1]), view.shape[0]
    if width < view.shape[1]:
        height = max(1, round(height * width / view.shape[1]))
        view = cast(Image, cv2.resize(view, (width, height), interpolation=cv2.INTER_AREA))
    return cast(Grey, cv2.cvtColor(view, cv2.COLOR_BGR2GRAY)), width / frame.image.shape[1]


def _corners(grey: Grey, face: Box | None) -> Points:
    """Float32 (N, 2) px: the places in a face, or in the whole picture, that are followed best."""
    box = face or Box(0, 0, grey.shape[1], grey.shape[0])
    most, apart_px = (_FACE_POINTS, max(2, round(box.width / 12))) if face else (_SURROUNDING_POINTS, 8)
    left, top, right, bottom = (round(side) for side in box.clipped(grey.shape[1], grey.shape[0]).as_xyxy())
    part = grey[top:bottom, left:right]
    found = cv2.goodFeaturesToTrack(part, most, 0.02, apart_px) if min(part.shape) > 2 else None
    if found is None:
        return np.empty((0, 2), np.float32)
    return cast(Points, found.reshape(-1, 2) + np.array((left, top), np.float32))


def _follow(before: Grey, now: Grey, groups: Sequence[Points]) -> list[_Flow]:
    """Of each group the points that were found again on the way back."""
    points = np.concatenate(groups)
    if not len(points):
        return [_Flow(group, group) for group in groups]
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, points, None, winSize=(15, 15), maxLevel=2)
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None, winSize=(15, 15), maxLevel=2)
    kept = (found[:, 0] == 1) & (found_back[:, 0] == 1) & (np.abs(back - points).max(axis=1) < _BACK_PX)
    ends = np.cumsum([len(group) for group in groups])[:-1]
    parts = zip(*(np.split(each, ends) for each in (points, there - points, kept)), strict=True)
    return [_Flow(at[followed], steps[followed]) for at, steps, followed in parts]


def _shake(around: _Flow, faces: Sequence[Box]) -> Points:
    """Float32 (2,) px by which everything moved: what is behind people, or, where that is bare, beside their faces."""
    for is_cut_out in (_is_person, _is_face):
        outside = np.array([not any(is_cut_out(face, x, y) for face in faces) for x, y in around.points], np.bool_)
        steps = around.steps[outside]
        if len(steps) >= _LEAST_SURROUNDING:
            shake = np.median(steps, axis=0)
            if (np.hypot(*(steps - shake).T) < _ALIKE_PX).mean() >= _ALIKE_SHARE:
                return shake
    return np.zeros(2, np.float32)


def _motion(flow: _Flow, face: Box, shake: Points) -> Motion:
    if len(flow.steps) < _LEAST_FACE:
        return Motion(None, 0.0, face.side)
    whole = np.median(flow.steps, axis=0)
    across, down = (whole - shake) / face.side
    spread = float(np.median(np.hypot(*(flow.steps - whole).T))) / face.side
    return Motion((float(across), float(down)), spread, face.side)


def _is_person(face: Box, x: float, y: float) -> bool:
    """Whether a point lies on a head with its hair, or where a body is below it."""
    beside = (1.2 if y > face.y_max else 0.5) * face.width
    return face.x_min - beside <= x <= face.x_max + beside and y >= face.y_min - 0.5 * face.height


def _is_face(face: Box, x: float, y: float) -> bool:
    return face.x_min <= x <= face.x_max and face.y_min <= y <= face.y_max
