"""Trackers side by side on the same detections; our IDF1 is that of motmetrics."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.tracking import (
    OURS,
    Comparison,
    Detected,
    as_rows,
    as_table,
    compare_trackers,
    detect_scenes,
    disagreements,
    idf1_of,
    named_rows,
)
from conversion.environments.catalog import trackers
from conversion.environments.installation import ensure_environment
from edge.schemas.taxonomy import ADS_8
from edge.sensor.geometry import Box
from edge.sensor.types import Detection
from edge.settings.settings import Settings
from edge.terminal.progress import progress_bar
from training.evaluation.counts.scoring import Scores, score
from training.evaluation.counts.tracks import as_observed, follow
from training.evaluation.counts.truth import Person, Truth, TruthFace
from training.evaluation.scene.walks import Stage

FRAMES, FPS = 90, 15.0
STAGE = Stage(640, 480, FRAMES / FPS, FPS)


def two_who_cross() -> Detected:
    """Two faces that pass through each other; each is not found for a while, and boxes shake."""
    random = np.random.default_rng(5)
    places = [(4.0 * frame, 500 - 5.0 * frame) for frame in range(FRAMES)]
    boxes = [[Box(x, 100, x + 60, 160) for x in pair] for pair in places]
    truth = Truth(
        (Person("0"), Person("1")),
        tuple(tuple(TruthFace(number, box, True) for number, box in enumerate(pair)) for pair in boxes),
        FPS,
        (640, 480),
    )
    found = [
        [
            Detection(box.shifted(*random.normal(0, 2, 2)), 0.9)
            for number, box in enumerate(pair)
            if not 40 + 20 * number <= frame < 60 + 20 * number
        ]
        for frame, pair in enumerate(boxes)
    ]
    return Detected(0.5, found, [frame / FPS for frame in range(FRAMES)], truth, STAGE)


def scores_of_ours(scene: Detected) -> Scores:
    rows = follow(scene.frames, scene.times_s, (scene.stage.width_px, scene.stage.height_px), Settings(), scene.score)
    return score(OURS, scene.truth, as_observed(rows, scene.times_s, (640, 480), 0.5), ADS_8)


def test_detections_and_identities_are_rows_by_frame() -> None:
    box = Box(1, 2, 3, 4)
    assert as_rows([[], [Detection(box, 0.5)], []]).tolist() == [[1, 1, 2, 3, 4, 0.5]]
    assert named_rows([[(7, box)], [], [(8, box)]]).tolist() == [[0, 7, 1, 2, 3, 4], [2, 8, 1, 2, 3, 4]]
    assert as_rows([]).shape == named_rows([[]]).shape == (0, 6)


def test_an_idf1_that_is_not_that_of_motmetrics_is_said() -> None:
    scores = scores_of_ours(two_who_cross())
    idf1 = idf1_of(scores)
    assert 0.5 < idf1 < 1
    assert disagreements({OURS: [Comparison(scores, idf1 + 1e-9)]}) == []
    (line,) = disagreements({OURS: [Comparison(scores, idf1), Comparison(scores, idf1 + 0.01)]})
    assert line == f"ours, scene 2: IDF1 {idf1:.6f}, by motmetrics {idf1 + 0.01:.6f}"
    assert disagreements({OURS: [Comparison(replace(scores, identity=None), math.nan)]})


def test_the_table_sums_scenes() -> None:
    scores = scores_of_ours(two_who_cross())
    table = as_table({OURS: [Comparison(scores, idf1_of(scores))] * 3}, "three")
    ((name, expected, *_, idf1, apart),) = table.cells
    assert (name, expected, apart) == ("ours", "6", "0e+00")
    assert float(idf1) == pytest.approx(idf1_of(scores), abs=0.0005)


@pytest.mark.process
def test_scenes_are_drawn_and_their_faces_detected() -> None:
    pytest.importorskip("skimage", reason="skimage is not installed (passerby[demo])")
    with progress_bar(wanted=False) as progress:
        (scene,) = detect_scenes(Stage(640, 360, 4.0, 5.0), 3, [2], [], Settings(), progress)
    assert len(scene.frames) == len(scene.times_s) == len(scene.truth.frames or ()) == 20
    assert sum(face.score >= scene.score for frame in scene.frames for face in frame) > 5


@pytest.mark.trackers
def test_published_trackers_run_on_the_same_detections_and_motmetrics_agrees() -> None:
    scene = two_who_cross()
    found = compare_trackers(scene, Settings(), ensure_environment(trackers()))
    assert list(found) == [OURS, "ByteTrack", "norfair, IoU", "norfair, Euclidean"]
    assert disagreements({name: [each] for name, each in found.items()}) == []
    for each in found.values():
        assert each.scores.expected == 2
        assert 2 <= each.scores.visits <= 6
        assert each.motmetrics_idf1 > 0.4
    assert len({round(each.motmetrics_idf1, 6) for each in found.values()}) > 1, (
        "they differ, or the test shows nothing"
    )
