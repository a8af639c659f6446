from __future__ import annotations

import numpy as np
import pytest

from edge.catalog.manifest import PriorLevel, Priors
from edge.sensor.detection import boxes, ssd, ssd_heads, ultraface, yunet
from edge.sensor.detection.candidates import Floats

HW = (192, 320)


def blank_yunet(hw: tuple[int, int] = HW) -> dict[str, Floats]:
    outputs = {}
    for stride in yunet.STRIDES:
        cells = (hw[0] // stride) * (hw[1] // stride)
        for word, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{word}_{stride}"] = np.zeros((1, cells, width), np.float32)
    return outputs


def put_yunet(outputs: dict[str, Floats], stride: int, row: int, column: int, cls: float, obj: float) -> None:
    cell = row * (HW[1] // stride) + column
    outputs[f"cls_{stride}"][0, cell] = cls
    outputs[f"obj_{stride}"][0, cell] = obj
    outputs[f"bbox_{stride}"][0, cell] = (0.5, 0.25, np.log(3), np.log(4))
    outputs[f"kps_{stride}"][0, cell] = (0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1)


@pytest.mark.parametrize("stride", yunet.STRIDES)
def test_yunet_puts_a_face_where_its_cell_says(stride: int) -> None:
    outputs = blank_yunet()
    put_yunet(outputs, stride, row=2, column=5, cls=0.9, obj=0.4)
    found = yunet.decode(outputs, HW, 0.3)
    assert found.scores == pytest.approx([0.6])
    expected = np.array([(5.5 - 1.5, 2.25 - 2, 5.5 + 1.5, 2.25 + 2)]) * stride
    assert found.boxes == pytest.approx(expected, rel=1e-5)
    assert found.landmarks is not None
    points = np.array([[(5, 2), (6, 2), (5.5, 2.5), (5, 3), (6, 3)]]) * stride
    assert found.landmarks == pytest.approx(points)


def test_yunet_joins_its_levels_and_leaves_out_what_is_faint() -> None:
    outputs = blank_yunet()
    put_yunet(outputs, 8, 1, 1, cls=0.36, obj=0.25)
    put_yunet(outputs, 16, 2, 2, cls=0.9, obj=0.9)
    put_yunet(outputs, 32, 3, 3, cls=0.29, obj=0.29)
    assert sorted(yunet.decode(outputs, HW, 0.3).scores.tolist()) == pytest.approx([0.3, 0.9])
    assert sorted(yunet.decode(outputs, HW, 0.31).scores.tolist()) == pytest.approx([0.9])


def test_yunet_gives_no_score_outside_0_to_1() -> None:
    outputs = blank_yunet()
    put_yunet(outputs, 8, 1, 1, cls=1.004, obj=1.004)
    put_yunet(outputs, 8, 2, 2, cls=-0.004, obj=-0.004)
    assert yunet.decode(outputs, HW, 0.3).scores.tolist() == [1.0]


def test_yunet_without_a_face_gives_empty_arrays() -> None:
    found = yunet.decode(blank_yunet(), HW, 0.3)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == (0,)
    assert found.landmarks is not None
    assert found.landmarks.shape == (0, 5, 2)


def test_ultraface_has_the_priors_of_its_paper() -> None:
    priors = ultraface.make_priors((240, 320))
    assert priors.shape == (4420, 4)
    assert priors[0] == pytest.approx((4 / 320, 4 / 240, 10 / 320, 10 / 240))
    assert priors[2] == pytest.approx((4 / 320, 4 / 240, 24 / 320, 24 / 240))
    assert priors[3] == pytest.approx((12 / 320, 4 / 240, 10 / 320, 10 / 240))
    assert priors[3600] == pytest.approx((8 / 320, 8 / 240, 32 / 320, 32 / 240))
    assert priors[-1] == pytest.approx((288 / 320, 224 / 240, 256 / 320, 1.0))


def test_ultraface_moves_and_sizes_the_prior() -> None:
    scores, offsets = np.zeros((1, 4420, 2), np.float32), np.zeros((1, 4420, 4), np.float32)
    scores[..., 0] = 1
    scores[0, 3600] = 0.2, 0.8
    offsets[0, 3600] = 1, -1, np.log(2) / 0.2, 0
    found = ultraface.decode({"scores": scores, "boxes": offsets}, (240, 320), 0.7)
    centre_x, centre_y = 8 + 0.1 * 32, 8 - 0.1 * 32
    assert found.boxes == pytest.approx(
        np.array([(centre_x - 32, centre_y - 16, centre_x + 32, centre_y + 16)]), rel=1e-4
    )
    assert found.scores == pytest.approx([0.8])
    assert found.landmarks is None


def test_ssd_reads_rows_up_to_the_end_mark() -> None:
    rows = np.zeros((1, 1, 5, 7), np.float32)
    rows[0, 0, 0] = 0, 1, 0.9, 0.1, 0.2, 0.3, 0.4
    rows[0, 0, 1] = 0, 1, 0.2, 0.1, 0.2, 0.3, 0.4
    rows[0, 0, 2, 0] = -1
    rows[0, 0, 3] = 0, 1, 0.99, 0, 0, 1, 1
    found = ssd.decode({"detections": rows}, (300, 600), 0.5)
    assert found.boxes == pytest.approx(np.array([(60, 60, 180, 120)]), rel=1e-5)
    assert found.scores == pytest.approx([0.9])


def test_ssd_reads_a_list_without_an_end_mark() -> None:
    rows = np.array([(0, 1, 0.9, 0, 0, 1, 1), (0, 1, 0.8, 0, 0, 1, 1)], np.float32)[None, None]
    assert len(ssd.decode({"detections": rows}, (300, 300), 0.5).scores) == 2


def test_boxes_are_taken_as_they_are() -> None:
    given = np.array([(1, 2, 3, 4), (5, 6, 7, 8)], np.float32)
    found = boxes.decode({"boxes": given, "scores": np.array([0.6, 0.4], np.float32)}, HW, 0.5)
    assert found.boxes.tolist() == [[1, 2, 3, 4]]
    nothing = boxes.decode({"boxes": given[:0], "scores": np.zeros(0, np.float32)}, HW, 0.5)
    assert nothing.boxes.shape == (0, 4)


TWO_LEVELS = Priors(
    levels=(
        PriorLevel(rows=2, columns=3, step_px=(8, 8), sides_px=((10, 10), (20, 5))),
        PriorLevel(rows=1, columns=1, step_px=(16, 16), sides_px=((40, 40),)),
    )
)


def test_ssd_heads_put_a_face_on_its_prior() -> None:
    scores, offsets = np.tile(np.array((1.0, 0.0), np.float32), (13, 1)), np.zeros((13, 4), np.float32)
    scores[5], scores[12] = (0.2, 0.8), (0.4, 0.6)
    offsets[5] = 1.0, 0.0, 0.0, np.log(2) / 0.2
    found = ssd_heads.decode({"scores": scores, "boxes": offsets}, (16, 24), 0.5, TWO_LEVELS)
    assert found.scores == pytest.approx([0.8, 0.6])
    wide = (20 + 0.1 * 20 - 10, 4 - 5, 20 + 0.1 * 20 + 10, 4 + 5)
    assert found.boxes == pytest.approx(np.array([wide, (8 - 20, 8 - 20, 8 + 20, 8 + 20)]), abs=1e-4)
    assert found.landmarks is None


def test_priors_of_ultraface_written_as_levels_are_its_own() -> None:
    levels = tuple(
        PriorLevel(
            rows=-(-240 // stride), columns=320 // stride, step_px=(stride, stride),
            sides_px=tuple((side, side) for side in sides),
        )
        for stride, sides in ultraface.LEVELS
    )  # fmt: skip
    made = ssd_heads.make_priors(Priors(levels=levels), (240, 320))
    assert made.clip(0, 1) == pytest.approx(ultraface.make_priors((240, 320)), abs=1e-6)


def test_clipped_priors_lie_inside_the_picture() -> None:
    clipped = ssd_heads.make_priors(Priors(levels=TWO_LEVELS.levels, clip=True), (16, 24))
    half = clipped[:, 2:] / 2
    assert (clipped[:, :2] - half).min() >= 0
    assert (clipped[:, :2] + half).max() <= 1 + 1e-6
