"""`passerby evaluate pose`: angles from landmarks beside those of a network."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")


import json
from pathlib import Path

import numpy as np
import onnx
from click.testing import Result
from onnx import helper, numpy_helper
from typer.testing import CliRunner

from edge.errors import InferenceError, ModelNotFound, UsageError
from edge.sensor.geometry import Box
from edge.sensor.types import Detection
from edge.sensor.visits.pose import Pose
from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut
from tests.training.sets import jpeg, scene, write_tar
from training.evaluation.command import app
from training.evaluation.pose.head_pose import INPUT_PX, PITCH, YAW, HeadPose
from training.evaluation.pose.scoring import compare_poses, score_poses

pytestmark = pytest.mark.process

STRAIGHT = np.array([(30, 40), (70, 40), (50, 61), (35, 76), (65, 76)], np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> HeadPose:
    """Says the mean blue level as yaw, and the mean green level as pitch."""
    return HeadPose(write_network(tmp_path_factory.mktemp("oracle") / "colours.onnx"))


def write_network(file: Path, side: int = INPUT_PX, yaw: str = YAW) -> Path:
    """An ONNX file for pictures of this side, px, that says mean levels as angles."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["means"]),
        helper.make_node("Split", ["means"], ["blue", "green", "red"], axis=1),
        *(helper.make_node("Reshape", [colour, "shape"], [name]) for colour, name in (("blue", yaw), ("green", PITCH))),
    ]
    outputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 1)) for name in (yaw, PITCH)]
    picture = helper.make_tensor_value_info("data", onnx.TensorProto.FLOAT, (1, 3, side, side))
    shape = numpy_helper.from_array(np.array((1, 1), np.int64), "shape")
    graph = helper.make_graph(nodes, "colours", [picture], outputs, [shape])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8), file)
    return file


def test_the_network_sees_blue_green_red_from_0_to_255_and_a_little_more_than_the_face(network: HeadPose) -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[:] = (40, 20, 0)
    assert network.estimate(image, Box(20, 20, 80, 80)) == pytest.approx((40, 20), abs=0.01)
    image[30:70, 30:70] = (0, 20, 0)
    seen = network.estimate(image, Box(30, 30, 70, 70)).yaw_deg
    assert seen == pytest.approx(40 * (1 - 1 / 1.2**2), abs=1)


def test_only_faces_with_landmarks_are_compared(network: HeadPose) -> None:
    image = np.full((100, 100, 3), (12, 7, 0), np.uint8)
    faces = [Detection(Box(0, 0, 100, 100), 0.9, STRAIGHT), Detection(Box(0, 0, 50, 50), 0.9)]
    ((read, true),) = compare_poses(image, faces, network)
    assert read.yaw_deg == pytest.approx(0, abs=0.1)
    assert true == pytest.approx((12, 7), abs=0.01)


def test_errors_are_means_over_the_faces_of_a_range() -> None:
    pairs = [(Pose(4, 0), Pose(10, 5)), (Pose(24, 0), Pose(20, -3)), (Pose(0, 0), Pose(-60, 0))]
    result = score_poses("s", "d", pairs)
    total = result.total
    assert (total.faces, total.yaw_error_deg, total.yaw_bias_deg) == (2, 5, -1)
    assert (total.pitch_error_deg, total.pitch_bias_deg) == (4, -1)
    assert [each.faces for each in result.ranges] == [1, 1, 0, 1]
    assert result.ranges[2].yaw_error_deg is None


def evaluate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["pose", *(str(word) for word in words)])


def test_nothing_to_look_at_is_refused() -> None:
    assert isinstance(evaluate().exception, UsageError)


def test_a_missing_network_is_said_before_the_work(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "plain.tar", {"a.jpg": jpeg(scene(1))})
    assert isinstance(evaluate("--photographs", tar, "--oracle", tmp_path / "no.xml").exception, ModelNotFound)


def test_a_network_that_cannot_be_read_or_is_another_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "g.xml").write_text("garbage")
    with pytest.raises(InferenceError, match=r"g\.xml: OpenVINO refuses the network, got "):
        HeadPose(tmp_path / "g.xml")
    for change in ({"side": 64}, {"yaw": "left"}):
        with pytest.raises(InferenceError, match=r"other\.onnx: another network, got .*, expected \[1,3,60,60\] -> "):
            HeadPose(write_network(tmp_path / "other.onnx", **change))  # type: ignore[arg-type]


@pytest.mark.shared
def test_portraits_are_read_as_the_network_sees_them(shared: Path, tmp_path: Path) -> None:
    people = {
        "astronaut.jpg": jpeg(portrait_of_astronaut()),
        "admiral.jpg": jpeg(portrait_of_admiral()),
        "cut.jpg": b"",
    }
    words = ("--photographs", write_tar(tmp_path / "plain.tar", people), "--detector", "best", "--json")
    done = evaluate(*words)
    assert done.exit_code == 0, done.exception
    assert "passerby: plain: pictures skipped, got 1 of 3" in done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert (result["source"], result["detector"], result["total"]["faces"]) == ("plain", "best, own", 2)
    assert result["total"]["yaw_error_deg"] < 12
    assert evaluate(*words, "--most-yaw-error", "0").exit_code == 1
