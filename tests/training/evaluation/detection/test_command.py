"""`passerby evaluate detection`: drawn faces through a detector whose answers are known."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")
pytest.importorskip("scipy", reason="scipy is not installed (passerby[training])")
pytest.importorskip("skimage", reason="skimage is not installed (passerby[demo])")


import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
from click.testing import Result
from onnx import helper, numpy_helper
from scipy.io import savemat
from skimage.data import astronaut
from typer.testing import CliRunner

from edge.catalog.manifest import Artefact, Input, Manifest, ModelFile, Thresholds
from edge.catalog.manifest_file import MANIFEST, write_manifest
from edge.errors import BadInput, PasserbyError, UnknownModel, UsageError
from edge.sensor.types import Image
from tests.pictures.clips import write_clip
from tests.training.sets import jpeg, write_lines, write_tar
from training.evaluation.command import app
from training.evaluation.detection.boxes import Found
from training.evaluation.detection.wider import average_precision, read_level

pytestmark = pytest.mark.process

SIDE = 64
"""Of the input and of every picture, px."""


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector that sees a face of 32 px in each corner of the picture that is bright, as surely as it is bright."""
    corners = np.array([(0, 0, 32, 32), (32, 0, 64, 32), (0, 32, 32, 64), (32, 32, 64, 64)], np.float32)
    constants = {"corners": corners, "range": np.float32(255), "flat": np.array((-1,), np.int64)}
    nodes = [
        helper.make_node("ReduceMean", ["pictures"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["means"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Div", ["means", "range"], ["shares"]),
        helper.make_node("Reshape", ["shares", "flat"], ["scores"]),
        helper.make_node("Identity", ["corners"], ["boxes"]),
    ]
    graph = helper.make_graph(
        nodes, "corners",
        [helper.make_tensor_value_info("pictures", onnx.TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, (4,)),
         helper.make_tensor_value_info("boxes", onnx.TensorProto.FLOAT, (4, 4))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    content, folder = model.SerializeToString(), tmp_path_factory.mktemp("networks") / "corners"
    folder.mkdir()
    (folder / "corners.onnx").write_bytes(content)
    file = ModelFile(path="corners.onnx", sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    manifest = Manifest(
        schema="passerby.manifest/1", id="corners", version="1", task="detection", description="", licence="",
        source="", training_data="", artefacts=(Artefact(kind="onnx", files=(file,)),),
        input=Input(name="pictures", width_px=SIDE, height_px=SIDE, resize="letterbox"),
        decoder="boxes", outputs={"boxes": "boxes", "scores": "scores"},
        thresholds=Thresholds(score=0.5, low_score=0.3, nms_iou=0.3),
    )  # fmt: skip
    (folder / MANIFEST).write_text(write_manifest(manifest))
    return folder


def picture(*levels: int) -> Image:
    """Four corners, each of its brightness."""
    return np.kron(np.array(levels, np.uint8).reshape(2, 2), np.ones((32, 32), np.uint8))[..., None].repeat(3, 2)


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Two pictures with three faces: two are seen, one is too dark, and one corner is bright without a face."""
    pictures = {"a.jpg": picture(230, 0, 0, 180), "b.jpg": picture(0, 60, 200, 0)}
    rows = ["a.jpg,mask,0,0,32,32", "b.jpg,nomask,32,0,32,32", "b.jpg,mask,0,32,32,32"]
    write_lines(tmp_path / "scenes.csv", ["path,class,x,y,w,h", *rows])
    return write_tar(tmp_path / "scenes.tar", {name: jpeg(image, 100) for name, image in pictures.items()})


def evaluate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["detection", *(str(word) for word in words)])


def test_measures_what_the_detector_sees_in_known_pictures(detector: Path, boxes: Path) -> None:
    done = evaluate("--boxes", boxes, "--detector", detector, "--size", "default", "--json")
    assert done.exit_code == 0, done.exception
    (result,) = json.loads(done.stdout)["boxes"]
    assert (result["pictures"], result["faces"], result["detector"]) == (2, 3, "corners, default")
    assert result["recall"] == pytest.approx(2 / 3)
    assert result["precision"] == pytest.approx(2 / 3)
    assert result["false_positives"] == 0.5
    # Ranked: right, right, false, right: areas 1/3 + 1/3 at precision 1, 1/3 at 3/4.
    assert result["ap50"] == pytest.approx((1 + 1 + 0.75) / 3)
    recalls = {(each["by"], each["name"]): each["recall"] for each in result["slices"]}
    assert recalls["state", "mask"] == 1.0
    assert recalls["state", "nomask"] == 0.0
    assert recalls["brightness", "dark"] == 0.0
    assert recalls["size", "32-64 px"] == pytest.approx(2 / 3)


def test_faces_outside_of_their_picture_are_left_out_and_counted(detector: Path, boxes: Path) -> None:
    labels = boxes.with_suffix(".csv")
    labels.write_text(f"{labels.read_text()}a.jpg,mask,64,0,32,32\nb.jpg,mask,-40,0,40,32\nb.jpg,mask,-8,0,32,32\n")
    done = evaluate("--boxes", boxes, "--detector", detector, "--size", "default", "--json")
    found = json.loads(done.stdout)
    assert found["boxes"][0]["faces"] == 4
    assert found["warnings"] == ["scenes: 2 left out, box is outside the picture (such as a.jpg, b.jpg)"]


def test_faces_that_are_too_small_do_not_count(detector: Path, boxes: Path) -> None:
    done = evaluate("--boxes", boxes, "--detector", detector, "--size", "default", "--smallest", "40", "--json")
    (result,) = json.loads(done.stdout)["boxes"]
    assert (result["faces"], result["ap50"], result["false_positives"]) == (0, None, 0)


def test_several_detectors_and_sizes_stand_side_by_side_on_one_page(
    detector: Path, boxes: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = evaluate(
        "--boxes", boxes, "--detector", detector, "--size", "own", "--size", "double", "--html", page,
        "--require", "ap50>=0.9", "--require", "recall@own>=0.99",
    )  # fmt: skip
    assert done.exit_code == 1
    assert "met: ap50>=0.9; corners, own on scenes: 0.9167" in done.stdout
    assert "MISSED: recall@own>=0.99; corners, own on scenes: 0.6667" in done.stdout
    assert done.stdout.count("MISSED") == 1
    html = page.read_text()
    assert "corners, double" in html
    assert "data:image/png;base64" in html
    assert "http" not in html


def test_a_part_of_the_pictures_may_be_taken(detector: Path, boxes: Path) -> None:
    done = evaluate("--boxes", boxes, "--detector", detector, "--limit", "1", "--json")
    assert json.loads(done.stdout)["boxes"][0]["pictures"] == 1


@pytest.mark.shared
def test_references_say_where_faces_of_photographs_and_clips_are(detector: Path, tmp_path: Path, shared: Path) -> None:
    portrait = cv2.cvtColor(astronaut()[:300, 80:380], cv2.COLOR_RGB2BGR)
    photographs = write_tar(tmp_path / "plain.tar", {"astronaut.jpg": jpeg(portrait)})
    done = evaluate(
        "--photographs", photographs, "--detector", "best", "--detector", detector,
        "--clip", write_clip(tmp_path / "c.mp4"), "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert [each["detector"] for each in found["portraits"]] == ["best, own", "corners, own"]
    assert found["portraits"][0]["found"] == 1.0
    assert found["landmarks"][0]["mean_error"] < 0.03
    assert found["landmarks"][1]["mean_error"] is None  # it gives none
    assert [(each["clip"], each["frames"], each["faces"]) for each in found["clips"]] == [("c.mp4", 12, 0)] * 2


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ((), UsageError, "nothing to evaluate"),
        (("--boxes", "BOXES", "--size", "huge"), UsageError, "unknown size, got 'huge', expected own, double"),
        (("--boxes", "BOXES", "--detector", "bestt"), UnknownModel, "did you mean best?"),
        (("--boxes", "BOXES", "--require", "ap50"), UsageError, "not a requirement"),
        (("--boxes", "BOXES", "--require", "ap75>=1"), UsageError, "no such measure"),
        (("--boxes", "none.tar"), BadInput, "none.tar"),
        (("--boxes", "BOXES", "--html", "nowhere/report.html"), UsageError, "no such folder"),
        (("--boxes", "BOXES", "--wider", "nowhere"), BadInput, "wider_easy_val.mat: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    boxes: Path, words: tuple[str, ...], kind: type[PasserbyError], said: str
) -> None:
    failed = evaluate(*(boxes if word == "BOXES" else word for word in words)).exception
    assert isinstance(failed, kind), failed
    assert said in str(failed)
    assert "\n" not in str(failed)


def cells(*items: object) -> np.ndarray:
    """A cell array as MATLAB keeps it, one item below the other."""
    array = np.empty((len(items), 1), object)
    for index, item in enumerate(items):
        array[index, 0] = item
    return array


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """One event with two pictures; the second face of the first counts only where it is hard."""
    boxes = [np.array([(0, 0, 10, 10), (20, 0, 5, 5)], np.float64), np.array([(5, 5, 10, 10)], np.float64)]
    for level, chosen in (("easy", [1]), ("medium", [1]), ("hard", [1, 2])):
        columns = {
            "event_list": cells("0--Parade"),
            "file_list": cells(cells("x", "y")),
            "face_bbx_list": cells(cells(*boxes)),
            "gt_list": cells(cells(np.array([chosen]).T, np.array([[1]]))),
        }
        savemat(tmp_path / f"wider_{level}_val.mat", columns)
    return tmp_path


def test_wider_face_counts_the_faces_of_a_level(lists: Path) -> None:
    found = {"0--Parade/x.jpg": Found(np.array([(0.0, 0, 10, 10), (20, 0, 25, 5)]), np.array([0.9, 0.8]))}
    easy, hard = (average_precision(read_level(lists, level), found) for level in ("easy", "hard"))
    assert easy == pytest.approx(1 / 2)  # the face of y is not found; the small one is neither right nor wrong
    assert hard == pytest.approx(2 / 3)


def test_a_file_that_is_no_list_is_refused(lists: Path) -> None:
    (lists / "wider_easy_val.mat").write_bytes(b"none" * 100)
    with pytest.raises(BadInput, match=r"wider_easy_val\.mat"):
        read_level(lists, "easy")
