from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.catalog.manifest import Artefact, Input, Manifest, ModelFile, Thresholds
from edge.errors import InferenceError, ManifestError
from edge.sensor.detection.detector import FOLLOW, LEAST_OPEN_SIZES, MAX_OPEN_PX, NetworkDetector, choose_input_size
from edge.sensor.detection.wide import WIDE_EVERY, NowAndThenWide
from edge.sensor.types import Tensors
from tests.edge.sensor.inference.scripted import ScriptedSession

FREE = Input(name="image", width_px=320, height_px=192, multiple_of_px=32, resize="letterbox")
FIXED = Input(name="image", width_px=300, height_px=200, resize="stretch")
MANIFEST = Manifest(
    schema="passerby.manifest/1",
    id="scripted",
    version="1",
    task="detection",
    description="",
    licence="",
    source="",
    training_data="",
    artefacts=(Artefact(kind="onnx", files=(ModelFile(path="none.onnx", sha256="0" * 64, size=1),)),),
    input=FREE,
    decoder="boxes",
    outputs={"boxes": "net_boxes", "scores": "net_scores"},
    thresholds=Thresholds(score=0.5, low_score=0.3, nms_iou=0.3),
)


@dataclass(frozen=True)
class Opened:
    session: ScriptedSession
    input_hw: tuple[int, int]


class Opener:
    """Opens scripted sessions that all play the same outputs, and remembers for which sizes."""

    def __init__(self, *faces: tuple[float, ...], fixed_hw: tuple[int, int] | None = None) -> None:
        table = np.array(faces, np.float32).reshape(-1, 5)
        self.outputs: Tensors = {"net_boxes": table[:, :4], "net_scores": table[:, 4]}
        self.fixed_hw = fixed_hw
        self.sizes: list[tuple[int, int]] = []
        self.sessions: list[ScriptedSession] = []

    def __call__(self, hw: tuple[int, int]) -> Opened:
        self.sizes.append(hw)
        self.sessions.append(ScriptedSession([self.outputs] * 50))
        return Opened(self.sessions[-1], self.fixed_hw or hw)


def image(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def test_faces_come_in_pixels_of_the_image_best_first_and_without_doubles() -> None:
    opener = Opener((10, 10, 50, 50, 0.4), (100, 40, 140, 80, 0.9), (101, 41, 141, 81, 0.8), (0, 0, 9, 9, 0.2))
    detector = NetworkDetector(opener, MANIFEST, picture_hw=(432, 768))
    detector.start(image(432, 768))
    faces = detector.wait()
    assert [face.score for face in faces] == pytest.approx([0.9, 0.4])
    assert faces[0].box.as_xyxy() == pytest.approx((240, 96, 336, 192))
    assert faces[0].landmarks is None
    assert opener.sizes == [(192, 320)]
    assert detector.target == "fake:CPU"


def test_a_network_that_answers_nan_is_an_error_and_not_nobody() -> None:
    detector = NetworkDetector(Opener((float("nan"),) * 5), MANIFEST, picture_hw=(432, 768))
    detector.start(image(432, 768))
    with pytest.raises(InferenceError, match="not numbers"):
        detector.wait()


def test_the_network_sees_the_letterboxed_image() -> None:
    opener = Opener()
    detector = NetworkDetector(opener, MANIFEST, picture_hw=(432, 768))
    detector.start(image(432, 768))
    assert detector.wait() == []
    seen = opener.sessions[0].seen[0]["image"]
    assert seen.shape == (1, 192, 320, 3)
    assert seen[0, :180].min() == 255
    assert seen[0, 180:].max() == 0


def test_a_stretched_input_is_scaled_back_in_both_directions() -> None:
    manifest = msgspec.structs.replace(MANIFEST, input=FIXED)
    detector = NetworkDetector(Opener((30, 20, 60, 40, 0.9)), manifest)
    detector.start(image(400, 300))
    assert detector.wait()[0].box.as_xyxy() == pytest.approx((30, 40, 60, 80))


def test_a_file_of_fixed_size_is_fed_at_its_own_size() -> None:
    opener = Opener((64, 64, 128, 128, 0.9), fixed_hw=(640, 640))
    detector = NetworkDetector(opener, MANIFEST)
    for shape in ((160, 320), (320, 320)):
        detector.start(image(*shape))
        assert detector.wait()[0].box.as_xyxy() == pytest.approx((32, 32, 64, 64))
    assert opener.sizes == [(192, 320)]
    assert [inputs["image"].shape for inputs in opener.sessions[0].seen] == [(1, 640, 640, 3)] * 2


def test_a_low_score_of_its_own_goes_before_the_manifests() -> None:
    detector = NetworkDetector(Opener((10, 10, 50, 50, 0.2)), MANIFEST, low_score=0.1)
    detector.start(image(192, 320))
    assert len(detector.wait()) == 1


def test_images_of_the_same_shape_open_the_network_once() -> None:
    opener = Opener()
    detector = NetworkDetector(opener, MANIFEST, picture_hw=(480, 640))
    for shape in ((480, 640), (960, 1280), (480, 640)):
        detector.start(image(*shape))
        detector.wait()
    assert opener.sizes == [(256, 320)]


def test_pictures_of_every_shape_open_each_size_of_the_network_once() -> None:
    opener = Opener()
    detector = NetworkDetector(opener, MANIFEST)
    shapes = [(side, 320) for side in range(32, 321, 32)] + [(320, side) for side in range(32, 320, 32)]
    for shape in [*shapes, *shapes]:
        detector.start(image(*shape))
        detector.wait()
    assert sorted(opener.sizes) == sorted(set(shapes))


def test_only_a_few_large_sizes_stay_open() -> None:
    opener = Opener()
    detector = NetworkDetector(opener, MANIFEST, input_width=-1, picture_hw=(1600, 1600))
    for height in range(1600, 1600 + 32 * LEAST_OPEN_SIZES + 32, 32):
        detector.start(image(height, 1600))
        detector.wait()
    assert [session.closed for session in opener.sessions].count(False) == LEAST_OPEN_SIZES
    assert not opener.sessions[-1].closed
    detector.close()
    assert all(session.closed for session in opener.sessions)


def test_waiting_for_nothing_is_an_error() -> None:
    with pytest.raises(InferenceError, match="without start"):
        NetworkDetector(Opener(), MANIFEST).wait()


@pytest.mark.parametrize("change", [{"decoder": "adience"}, {"thresholds": None}])
def test_a_manifest_of_another_task_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ManifestError, match="not a detector"):
        NetworkDetector(Opener(), msgspec.structs.replace(MANIFEST, **change))


@pytest.mark.parametrize(
    ("wanted", "input_width", "picture_hw", "expected"),
    [
        (FREE, 0, (432, 768), (192, 320)),
        (FREE, 0, (768, 432), (320, 192)),
        (FREE, 0, (300, 300), (320, 320)),
        (FREE, 640, (1080, 1920), (384, 640)),
        (FREE, -1, (270, 480), (288, 480)),
        (FREE, -1, (1, 1000), (32, 1024)),
        (FIXED, 0, (432, 768), (200, 300)),
        (FIXED, -1, (432, 768), (200, 300)),
    ],
)
def test_the_input_follows_the_image(
    wanted: Input, input_width: int, picture_hw: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert choose_input_size(wanted, input_width, picture_hw, picture_hw) == expected


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_the_images_own_size_is_never_shrunk(height: int, width: int) -> None:
    size = choose_input_size(FREE, -1, (height, width), (height, width))
    assert size[0] - 32 < height <= size[0]
    assert size[1] - 32 < width <= size[1]


@pytest.mark.parametrize(
    ("picture_hw", "wide", "expected"),
    [
        ((720, 1280), True, (384, 640)),
        ((1080, 1920), True, (384, 640)),
        ((1080, 1920), False, (192, 320)),
        ((432, 768), True, (256, 384)),
        ((480, 640), True, (256, 320)),
        ((600, 800), True, (384, 512)),
        ((1280, 720), True, (640, 384)),
    ],
)
def test_a_width_that_follows_the_image_is_half_of_it_within_bounds(
    picture_hw: tuple[int, int], wide: bool, expected: tuple[int, int]
) -> None:
    assert choose_input_size(FREE, FOLLOW, picture_hw, picture_hw, wide=wide) == expected
    assert choose_input_size(FIXED, FOLLOW, picture_hw, picture_hw, wide=wide) == (200, 300)


@pytest.mark.parametrize(
    ("view_hw", "picture_hw", "expected"),
    [
        ((360, 640), (720, 1280), (384, 640)),
        ((240, 417), (720, 1280), (384, 512)),
        ((360, 640), (480, 853), (384, 512)),
    ],
)
def test_a_view_is_looked_at_as_wide_as_its_picture_asks(
    view_hw: tuple[int, int], picture_hw: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Of picamera's second stream, which is smaller than its picture, more than half is worth looking at."""
    assert choose_input_size(FREE, FOLLOW, view_hw, picture_hw) == expected


def test_photographs_of_every_shape_need_few_sizes_which_stay_open() -> None:
    shapes = [(height, width) for height in range(100, 4000, 61) for width in range(100, 4000, 61)]
    sizes = {choose_input_size(FREE, FOLLOW, shape, shape) for shape in shapes}
    assert len(sizes) <= 19 + 21
    assert sum(height * width for height, width in sizes) <= MAX_OPEN_PX


def test_a_network_of_fixed_size_is_open_once_whatever_is_asked() -> None:
    opener = Opener((10, 10, 50, 50, 0.9), fixed_hw=(192, 320))
    detector = NowAndThenWide(NetworkDetector(opener, MANIFEST, input_width=FOLLOW))
    for _ in range(2 * WIDE_EVERY):
        detector.start(image(720, 1280))
        detector.wait()
    assert [session.closed for session in opener.sessions] == [False, True]
    assert len(opener.sessions[0].seen) == 2 * WIDE_EVERY


def test_of_a_sources_frames_one_in_four_is_looked_at_wide() -> None:
    opener = Opener((10, 10, 50, 50, 0.9))
    detector = NowAndThenWide(NetworkDetector(opener, MANIFEST, input_width=FOLLOW, picture_hw=(720, 1280)))
    for _ in range(2 * WIDE_EVERY):
        detector.start(image(360, 640), (720, 1280))
        detector.wait()
    assert opener.sizes == [(384, 640), (192, 320)]
    assert [len(session.seen) for session in opener.sessions] == [2, 2 * (WIDE_EVERY - 1)]


def test_each_photograph_is_looked_at_wide() -> None:
    opener = Opener((10, 10, 50, 50, 0.9))
    detector = NetworkDetector(opener, MANIFEST, input_width=FOLLOW, picture_hw=(720, 1280))
    for _ in range(3):
        detector.start(image(720, 1280))
        detector.wait()
    assert [len(session.seen) for session in opener.sessions] == [3]
