"""Detections against labels: matches, precision, recall and what does not count, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge.sensor.geometry import Box
from edge.sensor.types import Detection
from training.evaluation.detection.boxes import FALSE, IGNORED, Found, Matched, Truth, make_curve, match
from training.evaluation.detection.clip_scoring import agreed_faces, score_clip
from training.evaluation.detection.scoring import landmark_errors

A, B, C = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 44, 4)


def truth(*boxes: tuple[float, ...], ignored: int = 0) -> Truth:
    counted = np.arange(len(boxes)) < len(boxes) - ignored
    return Truth(np.array(boxes, np.float64).reshape(-1, 4), counted)


def found(*boxes: tuple[float, ...], scores: tuple[float, ...] = ()) -> Found:
    values = scores or tuple(0.9 - 0.1 * index for index in range(len(boxes)))
    return Found(np.array(boxes, np.float64).reshape(-1, 4), np.array(values))


def test_a_face_is_found_once_and_the_second_time_is_false() -> None:
    matched = match(truth(A, B), found(A, (1, 0, 11, 10), B))
    assert matched.of_found.tolist() == [0, FALSE, 1]


def test_an_ignored_face_may_be_found_any_number_of_times() -> None:
    matched = match(truth(A, B, ignored=1), found(B, B, A))
    assert matched.of_found.tolist() == [IGNORED, IGNORED, 0]
    assert matched.faces == 1


def test_a_small_detection_where_nothing_is_does_not_count() -> None:
    assert match(truth(A), found(C), smallest_px=5).of_found.tolist() == [IGNORED]
    assert match(truth(A), found(C), smallest_px=3).of_found.tolist() == [FALSE]


def test_average_precision_is_the_area_under_the_envelope() -> None:
    # right, false, right of three faces: precision 1, 1/2, 2/3 at recall 1/3, 1/3, 2/3
    curve = make_curve([match(truth(A, B, C), found(A, (70, 70, 80, 80), B))])
    assert curve.average_precision == pytest.approx((1 + 2 / 3) / 3)
    assert curve.recall_at(0.85) == pytest.approx(1 / 3)
    assert curve.false_positives_at(0.75) == 1
    assert curve.score_for(0) == 0.9
    assert curve.score_for(1) == pytest.approx(0.7)


def test_scores_of_all_pictures_are_ranked_together() -> None:
    right = Matched(np.array([0]), np.array([0.4]), 1)
    wrong = Matched(np.array([FALSE]), np.array([0.8]), 0)
    assert make_curve([right, wrong]).average_precision == pytest.approx(0.5)


def test_nothing_found_and_nothing_there_are_told_apart() -> None:
    assert make_curve([match(truth(A), found())]).average_precision == 0
    assert np.isnan(make_curve([match(truth(), found(A))]).average_precision)


def detection(box: tuple[float, ...], score: float = 0.9, *, points: float | None = None) -> Detection:
    landmarks = None if points is None else np.full((5, 2), points, np.float32)
    return Detection(Box(*box), score, landmarks)


def test_a_face_of_a_clip_is_what_two_references_see() -> None:
    looks = [[detection(A), detection(B)], [detection((1, 0, 11, 10))], [detection(C)]]
    assert agreed_faces(looks).tolist() == [list(A)]


def test_what_no_reference_sees_is_false_and_what_one_sees_does_not_count() -> None:
    references = [[[detection(A), detection(B)], [detection(A)], []]]
    seen = [[detection(A), detection(B, 0.8), detection((60, 60, 70, 70), 0.7)]]
    result = score_clip("clip", "own", seen, references, score=0.5, smallest_px=4, most_false=0)
    assert (result.faces, result.recall, result.false_positives) == (1, 1.0, 1.0)
    assert (result.best_recall, result.best_score) == (1.0, 0.9)


def test_landmarks_are_measured_against_the_mean_of_the_references() -> None:
    looks = [[detection(A, points=6.0)]]
    references = [[[detection(A, points=4.0)], [detection(A, points=6.0)]]]
    (error,) = landmark_errors(looks, references, score=0.5, smallest_px=5)
    assert error == pytest.approx(2**0.5 / 10)
    assert landmark_errors(looks, references, score=0.5, smallest_px=11) == []
