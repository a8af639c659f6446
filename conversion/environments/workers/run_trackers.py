"""Worker of the `trackers` environment: detections in, tracks of supervision's ByteTrack and of norfair out.

In: {"frames": number, "fps": a second, "max_gap_s": s, "score": 0-1, "confirm_hits": frames}, and `detections` float64
(N, 6): frame, x_min, y_min, x_max, y_max px, score 0-1, in the order of frames. Out: {}, and for each tracker float64
(N, 6): frame, identity, x_min, y_min, x_max, y_max px. Times are ours; the rest is each tracker's default.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List

import framing

IOU_DISTANCE = 0.7
"""norfair's distance is 1 - IoU, so boxes must overlap by 0.3."""
SIDES = 1.0
"""norfair's Euclidean distance, in sides of the detected face."""


def main() -> None:
    """Receive one message, run the trackers, send the answer."""
    answer = framing.take_stdout()
    header, arrays = framing.receive(sys.stdin.buffer)
    import numpy as np

    detections = arrays["detections"]
    frames = [detections[detections[:, 0] == frame, 1:] for frame in range(header["frames"])]
    updates = {
        "ByteTrack": byte_track(header),
        "norfair, IoU": norfair(header, "iou", IOU_DISTANCE),
        "norfair, Euclidean": norfair(header, by_side, SIDES),
    }
    tracks: Dict[str, Any] = {}
    for name, update in updates.items():
        rows = [(frame, *row) for frame, found in enumerate(frames) for row in update(found)]
        tracks[name] = np.array(rows, np.float64).reshape(-1, 6)
    framing.send(answer, {}, tracks)


def byte_track(header: Dict[str, Any]) -> Callable[[Any], List[Any]]:
    """ByteTrack as supervision has it; its buffer is in frames of 30 a second."""
    import numpy as np
    import supervision

    tracker = supervision.ByteTrack(
        track_activation_threshold=header["score"],
        lost_track_buffer=round(30 * header["max_gap_s"]),
        frame_rate=round(header["fps"]),
    )

    def update(found: Any) -> List[Any]:
        given = supervision.Detections(xyxy=found[:, :4], confidence=found[:, 4], class_id=np.zeros(len(found), int))
        seen = tracker.update_with_detections(given)
        return [(identity, *box) for identity, box in zip(seen.tracker_id, seen.xyxy)]

    return update


def norfair(header: Dict[str, Any], distance: Any, threshold: float) -> Callable[[Any], List[Any]]:
    """norfair on the corners of boxes, sure detections only: it knows of no faint ones."""
    from norfair import Detection, Tracker

    tracker = Tracker(
        distance_function=distance,
        distance_threshold=threshold,
        hit_counter_max=round(header["max_gap_s"] * header["fps"]),
        initialization_delay=header["confirm_hits"] - 1,
    )

    def update(found: Any) -> List[Any]:
        given = [Detection(points=row[:4].reshape(2, 2)) for row in found if row[4] >= header["score"]]
        tracked = tracker.update(detections=given)
        now = {id(detection) for detection in given}
        seen = [each for each in tracked if id(each.last_detection) in now]
        return [(each.id, *each.last_detection.points.reshape(-1)) for each in seen]

    return update


def by_side(detection: Any, tracked: Any) -> float:
    """Mean distance of the corners, in sides of the detected face."""
    import numpy as np

    (x_min, y_min), (x_max, y_max) = detection.points
    side = max(np.sqrt((x_max - x_min) * (y_max - y_min)), 1.0)
    return float(np.linalg.norm(detection.points - tracked.estimate, axis=1).mean() / side)


if __name__ == "__main__":
    main()
