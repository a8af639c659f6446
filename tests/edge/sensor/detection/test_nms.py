from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.sensor.detection.nms import suppress
from edge.sensor.geometry import Box, iou

corner, side = st.floats(0, 100, width=32), st.floats(1, 60, width=32)
scored_boxes = st.lists(st.tuples(corner, corner, side, side, st.floats(0, 1, width=32)), max_size=30)


def arrays(rows: list[tuple[float, ...]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return np.concatenate((table[:, :2], table[:, :2] + table[:, 2:4]), axis=1), table[:, 4]


def overlap(boxes: np.ndarray, a: int, b: int) -> float:
    return iou(Box(*boxes[a].tolist()), Box(*boxes[b].tolist()))


@given(scored_boxes, st.floats(0.05, 0.95))
def test_what_stays_overlaps_little_and_what_goes_overlaps_a_better_one(
    rows: list[tuple[float, ...]], limit: float
) -> None:
    boxes, scores = arrays(rows)
    kept = suppress(boxes.tolist(), scores.tolist(), limit)
    assert [scores[k] for k in kept] == sorted((scores[k] for k in kept), reverse=True)
    for position, k in enumerate(kept):
        assert all(overlap(boxes, k, better) <= limit + 1e-4 for better in kept[:position])
    for gone in set(range(len(rows))) - set(kept):
        assert any(overlap(boxes, gone, k) > limit - 1e-4 and scores[k] >= scores[gone] for k in kept)


def test_no_box_gives_none_and_one_gives_itself() -> None:
    assert suppress([], [], 0.3) == []
    assert suppress([(1, 1, 1, 1)], [1.0], 0.3) == [0]


def test_of_two_equal_boxes_with_equal_scores_the_first_stays() -> None:
    assert suppress([(0, 0, 9, 9), (0, 0, 9, 9)], [0.5, 0.5], 0.3) == [0]


def test_many_candidates_of_few_faces_are_suppressed() -> None:
    rng = np.random.default_rng(0)
    centres = rng.choice(np.array([(100, 100), (300, 100), (500, 300)]), 20_000) + rng.normal(0, 1, (20_000, 2))
    boxes = np.concatenate((centres - 40, centres + 40), axis=1)
    assert len(suppress(boxes.tolist(), rng.random(20_000).tolist(), 0.3)) == 3
