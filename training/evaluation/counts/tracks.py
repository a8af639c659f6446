"""Tracks of any tracker as if they were visits, so that trackers can be compared on the same detections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.sensor.geometry import Box
from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.types import Detection, TrackState, VisitSummary
from edge.settings.settings import Settings
from training.evaluation.counts.watching import Observed, Sight

Rows = NDArray[np.float64]
"""float64 (N, 6): frame, identity, x_min, y_min, x_max, y_max px; frames in order."""


def follow(
    frames: Sequence[Sequence[Detection]],
    times_s: Sequence[float],
    size_wh: tuple[int, int],
    settings: Settings,
    score: float,
) -> Rows:
    """Tracks of the device's own tracker, each from the frame on in which it is confirmed."""
    tracker = FaceTracker(settings.tracking, score)
    rows = []
    for frame, (detections, at) in enumerate(zip(frames, times_s, strict=True)):
        active = tracker.update(detections, at, (size_wh[1], size_wh[0])).active
        seen = [track for track in active if track.detected and track.state is TrackState.CONFIRMED]
        rows += [(frame, track.track_id, *track.box.as_xyxy()) for track in seen]
    return np.array(rows, np.float64).reshape(-1, 6)


def as_observed(rows: Rows, times_s: Sequence[float], size_wh: tuple[int, int], min_dwell_s: float) -> Observed:
    """Each track that lasts for `min_dwell_s` as a visit without gender and age; shorter ones are not reported."""
    order = np.argsort(rows[:, 0], kind="stable")
    frames, identities = rows[order, 0].astype(int), rows[order, 1].astype(int)
    first, last = dict[int, int](), dict[int, int]()
    for frame, identity in zip(frames.tolist(), identities.tolist(), strict=True):
        first.setdefault(identity, frame)
        last[identity] = frame
    long = [name for name in first if times_s[last[name]] - times_s[first[name]] >= min_dwell_s]
    number_of = {name: number for number, name in enumerate(long)}
    sights: list[list[Sight]] = [[] for _ in times_s]
    for frame, identity, box in zip(frames.tolist(), identities.tolist(), rows[order, 2:].tolist(), strict=True):
        if identity in number_of:
            sights[frame].append(Sight(number_of[identity], Box(*box)))
    visits = [_visit(name, times_s[first[name]], times_s[last[name]]) for name in long]
    return Observed(times_s, size_wh, visits, sights)


def _visit(identity: int, first_s: float, last_s: float) -> VisitSummary:
    return VisitSummary(identity, first_s, last_s, 0.0, 0, None, None, 0, 0.0, "left")
