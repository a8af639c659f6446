"""Pictures through an examination: their order, their errors, and what a whole aligned picture feeds a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec
import numpy as np
import pytest

from edge.catalog.manifest import Crop, Manifest
from edge.errors import BadInput
from edge.schemas.analyze import AnalyzeError
from edge.schemas.taxonomy import ADS_8
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.geometry import Box
from edge.sensor.sources.picture import Picture
from edge.sensor.types import Detection, Image
from edge.sensor.visits.fusion import Fusion
from edge.workbench.analyze.lines import FoundFace, LineWriter
from edge.workbench.analyze.listening import Seen
from edge.workbench.analyze.pictures import Aligned, analyze_pictures
from edge.workbench.analyze.sources import Named
from tests.edge.sensor.inference.scripted import ScriptedSession

WRITER = LineWriter(Fusion(ADS_8, lambda probs: probs))
SIDE = 56


class Counting:
    """An examination that finds one face as wide as the picture's first grey level."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sizes: list[int] = []
        self._images: Sequence[Image] = ()

    def begin(self, images: Sequence[Image]) -> None:
        self.sizes.append(len(images))
        self._images = images

    def finish(self) -> list[list[FoundFace]]:
        return [[FoundFace(Detection(Box(0, 0, float(image[0, 0, 0]), 1), 1.0))] for image in self._images]


def a_picture(number: int) -> Picture:
    return Picture(f"{number}.jpg", np.full((20, 30, 3), number, np.uint8), None)


def a_bad_picture(name: str) -> Picture:
    return Picture(name, None, BadInput(f"{name}: torn"))


def run(pictures: list[Picture], examination: Counting) -> list[Seen | AnalyzeError]:
    named = lambda name: Named(f"x/{name}", PurePosixPath(name))  # noqa: E731
    return list(analyze_pictures(pictures, examination, WRITER, name=named))


@pytest.mark.parametrize("most", [1, 4])
def test_pictures_and_errors_keep_their_order(most: int) -> None:
    pictures = [a_picture(1), a_bad_picture("b"), a_picture(2), a_picture(3), a_bad_picture("c"), a_bad_picture("d")]
    told = run(pictures, Counting(most))
    assert [each.line.source if isinstance(each, Seen) else each.source for each in told] == [
        "x/1.jpg", "x/b", "x/2.jpg", "x/3.jpg", "x/c", "x/d",
    ]  # fmt: skip
    assert [each.line.faces[0].box[2] for each in told if isinstance(each, Seen)] == [1, 2, 3]


def test_errors_go_by_the_name_that_lines_have() -> None:
    [told] = run([a_bad_picture("b.jpg")], Counting(1))
    assert told == AnalyzeError(source="x/b.jpg", error="x/b.jpg: torn")


def test_pictures_are_examined_in_batches() -> None:
    examination = Counting(4)
    run([a_picture(number) for number in range(6)], examination)
    assert examination.sizes == [4, 2]


def an_attribute_manifest(crop: Crop) -> Manifest:
    return msgspec.convert(
        {
            "schema": "passerby.manifest/1", "id": "made-up", "version": "1", "task": "attributes", "description": "",
            "licence": "", "source": "", "training_data": "", "decoder": "omz", "gives": ["age", "gender"],
            "artefacts": [{"kind": "onnx", "files": [{"path": "a.onnx", "sha256": "0" * 64, "size": 1}]}],
            "input": {"name": "data", "width_px": SIDE, "height_px": SIDE},
            "outputs": {"age": "age", "gender": "prob"}, "crop": msgspec.to_builtins(crop),
        },
        Manifest,
    )  # fmt: skip


@pytest.mark.parametrize(
    "crop", [Crop(align="landmarks", template="utkface-112"), Crop(align="box", margin=0.15)], ids=["landmarks", "box"]
)
def test_an_aligned_picture_is_fed_whole(crop: Crop) -> None:
    manifest = an_attribute_manifest(crop)
    answer = {"age": np.full((4, 1), 0.3, np.float32), "prob": np.array([[0.9, 0.1]] * 4, np.float32)}
    session = ScriptedSession([answer])
    image = np.random.default_rng(1).integers(0, 255, (112, 112, 3)).astype(np.uint8)
    examination = Aligned(NetworkEstimator([(manifest, session)], max_batch=4), [manifest])
    examination.begin([image])
    [[found]] = examination.finish()
    assert found.detection == Detection(Box(0, 0, 112, 112), 1.0)
    assert len(found.looks) == 1
    fed = session.seen[0]["data"][0]
    average = image.reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3))
    assert np.abs(fed.astype(float) - average).mean() < 2


def test_a_picture_that_is_not_square_is_squeezed_into_one() -> None:
    manifest = an_attribute_manifest(Crop(align="landmarks", template="utkface-112"))
    answer = {"age": np.full((4, 1), 0.3, np.float32), "prob": np.array([[0.9, 0.1]] * 4, np.float32)}
    session = ScriptedSession([answer])
    image = np.zeros((120, 60, 3), np.uint8)
    image[:, 30:] = 200
    examination = Aligned(NetworkEstimator([(manifest, session)], max_batch=4), [manifest])
    examination.begin([image])
    [[found]] = examination.finish()
    assert found.detection.box == Box(0, 0, 60, 120)
    fed = session.seen[0]["data"][0]
    assert fed[:, : SIDE // 2 - 2].max() == 0
    assert fed[:, SIDE // 2 + 2 :].min() == 200
