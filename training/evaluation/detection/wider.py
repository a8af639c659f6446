"""WIDER FACE's own protocol (Yang et al., "WIDER FACE: A Face Detection Benchmark", CVPR 2016), after its `wider_eval`.

Easy, medium and hard are lists of faces in `wider_easy_val.mat`, `wider_medium_val.mat` and `wider_hard_val.mat`; each
counts the faces on its list, and detections of other faces are neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import BackendUnavailable, BadInput, explain
from training.evaluation.detection.boxes import Found, Matched, Truth, make_curve, match

LEVELS = ("easy", "medium", "hard")
Counted = Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]
"""Picture -> boxes float64 (F, 4) corners px, and which of them count."""


def read_level(folder: Path, level: str) -> Counted:
    """Boxes of each picture, and which are of this level. Raises BadInput, BackendUnavailable without scipy."""
    path = folder / f"wider_{level}_val.mat"
    stored = _load(path)
    try:
        events = [str(event[0][0]) for event in stored["event_list"]]
        found = {}
        columns = (stored[name] for name in ("file_list", "face_bbx_list", "gt_list"))
        for event, files, boxes, lists in zip(events, *columns, strict=True):
            for file, box, chosen in zip(files[0], boxes[0], lists[0], strict=True):
                found[f"{event}/{file[0][0]}.jpg"] = _counted(box[0], chosen[0])
        return found
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise BadInput(explain("not a list of WIDER FACE", where=str(path), got=error)) from error


def average_precision(level: Counted, found: Mapping[str, Found]) -> float:
    """Average precision over the pictures of a level; in pictures missing from `found`, nothing was found."""
    nothing = Found(np.zeros((0, 4)), np.zeros(0))
    matches: Sequence[Matched] = [
        match(Truth(boxes, counted), found.get(name, nothing)) for name, (boxes, counted) in level.items()
    ]
    return make_curve(matches).average_precision


def _counted(boxes: Any, chosen: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Corners of boxes x, y, w, h, and the faces whose numbers, from 1, are listed."""
    xywh = np.asarray(boxes, np.float64).reshape(-1, 4)
    counted = np.zeros(len(xywh), np.bool_)
    counted[np.asarray(chosen, np.int64).reshape(-1) - 1] = True
    return np.column_stack((xywh[:, :2], xywh[:, :2] + xywh[:, 2:])), counted


def _load(path: Path) -> Any:
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise BackendUnavailable("wider", "package scipy is missing; install passerby[training]") from error
    try:
        return loadmat(path)
    except (OSError, ValueError, MatReadError, NotImplementedError) as error:
        raise BadInput(explain("cannot be read", where=str(path), got=error, expected="a .mat file")) from error
