"""The core: pinned, upgraded, simplified, baked, and equal to what it was made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from conversion.onnx.baking import bake, take_pictures
from conversion.onnx.core import LEAST_OPSET, as_input, make_core, run_core
from conversion.onnx.model_file import check, read_model
from conversion.onnx.runtime import need_equal, run
from edge.catalog.manifest_file import read_manifest
from edge.errors import BadInput
from tests.conversion.networks import Drawing
from tests.conversion.onnx.onnx_files import HEIGHT, WIDTH, small_input, small_network
from tests.places import MODELS

pytestmark = pytest.mark.process

OUTPUTS = ("scores", "boxes")


def picture(seed: int = 4, hw: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (1, *hw, 3)).astype(np.uint8)


@pytest.mark.parametrize("first", ["Conv", "Abs"], ids=["folded into a convolution", "by a 1x1 convolution"])
@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_colour_mean_and_scale_are_baked_in(first: str, pad: int, colour: str) -> None:
    wanted = small_input(colour=colour)
    model = small_network(first=first, pad=pad)
    core = make_core(model, wanted, OUTPUTS, "test")
    before = run(model, {"input": as_input(picture(), wanted)}, "test")
    plain = picture().transpose(0, 3, 1, 2).astype(np.float32)
    need_equal(before, run(core, {"input": plain}, "test"), tolerance=1e-5, where="core")
    need_equal(before, run(take_pictures(core), {"input": picture()}, "test"), tolerance=1e-5, where="artefact")
    folded = [node.op_type for node in core.graph.node][:2] == ["Sub", "Conv"]
    assert folded == (first == "Conv")


@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_what_the_network_itself_begins_with_is_folded_together_with_the_manifests(pad: int, colour: str) -> None:
    """Two first layers, whose weights a later layer shares: its own stay what they are."""
    drawing, wanted = Drawing(2), small_input(colour=colour, name="x", width_px=8, height_px=8)
    x = drawing.add("Gather", ["x", drawing.constant("order", np.array([1, 2, 0]))], "turned", axis=1)
    x = drawing.add("Sub", [x, drawing.constant("m", np.array([1, 2, 3], np.float32).reshape(1, 3, 1, 1))], "less")
    x = drawing.add("Mul", [x, drawing.constant("g", np.array(0.5, np.float32))], "half")
    weights = drawing.draw("w", (3, 3, 3, 3))
    one, other = (drawing.add("Conv", [x, weights], name, pads=[pad] * 4) for name in ("one", "other"))
    drawing.add("Conv", [drawing.add("Add", [one, other], "both"), weights], "y")
    side = 4 + 2 * pad
    model = drawing.model("x", (1, 3, 8, 8), {"y": (1, 3, side, side)})
    baked = bake(model, wanted)
    assert [node.op_type for node in baked.graph.node] == ["Sub", "Conv", "Conv", "Add", "Conv"]
    before = run(model, {"x": as_input(picture(hw=(8, 8)), wanted)}, "test")
    need_equal(before, run_core(baked, picture(hw=(8, 8)), "test"), tolerance=1e-5, where="baked")


def test_a_wrong_colour_order_would_be_seen() -> None:
    core = make_core(small_network(), small_input(), OUTPUTS, "test")
    plain = picture().transpose(0, 3, 1, 2).astype(np.float32)
    right, wrong = run(core, {"input": plain}, "test"), run(core, {"input": plain[:, ::-1]}, "test")
    with pytest.raises(BadInput, match="other values"):
        need_equal(right, wrong, tolerance=1e-4, where="test")


@pytest.mark.parametrize("batch", [1, 10, "N"])
@pytest.mark.parametrize("opset", [11, 13, 17, 20])
def test_batch_and_opset_are_brought_to_one_form(batch: int | str, opset: int) -> None:
    core = make_core(small_network(batch=batch, opset=opset), small_input(), OUTPUTS, "test")
    assert [each.version for each in core.opset_import if each.domain == ""] == [max(opset, LEAST_OPSET)]
    (port,) = core.graph.input
    assert [dim.dim_value for dim in port.type.tensor_type.shape.dim] == [1, 3, HEIGHT, WIDTH]
    assert [each.name for each in core.graph.output] == list(OUTPUTS)


@pytest.mark.parametrize("opset", [7, 9])
def test_weights_that_an_old_file_lists_among_its_inputs_are_no_inputs(opset: int) -> None:
    model = small_network(opset=opset)
    model.ir_version = 3
    for node in model.graph.node:
        node.op_type = node.op_type.replace("Gemm", "MatMul")  # which needs a third input there
    for each in model.graph.initializer:
        model.graph.input.append(onnx.helper.make_tensor_value_info(each.name, each.data_type, each.dims))
    core = make_core(model, small_input(), OUTPUTS, "test")
    assert [each.name for each in core.graph.input] == ["input"]


@pytest.mark.parametrize("first", ["Conv", "Abs"])
def test_a_network_may_have_a_tensor_of_our_own_name(first: str) -> None:
    model, wanted = small_network(first=first), small_input(name="pixels")
    model.graph.input[0].name = model.graph.node[0].input[0] = "pixels"
    core = make_core(model, wanted, OUTPUTS, "test")
    assert [each.name for each in core.graph.input] == ["pixels"]


def test_an_open_side_is_pinned_and_a_fixed_one_is_not_overruled() -> None:
    make_core(small_network(height="H"), small_input(), OUTPUTS, "test")
    with pytest.raises(BadInput, match=r"takes another input.*the file fixes its size: --size 32x24"):
        make_core(small_network(), small_input(height_px=48), OUTPUTS, "test")
    make_core(small_network(), small_input(height_px=48, multiple_of_px=8), OUTPUTS, "test")


def test_outputs_that_nobody_asked_for_are_left_out() -> None:
    core = make_core(small_network(), small_input(), ("scores",), "test")
    assert [each.name for each in core.graph.output] == ["scores"]
    assert not [node for node in core.graph.node if "boxes" in node.output]


def test_names_that_the_network_lacks_are_listed() -> None:
    with pytest.raises(BadInput, match="got scores, boxes, expected heat"):
        make_core(small_network(), small_input(), ("scores", "heat"), "test")
    with pytest.raises(BadInput, match="got input, expected data"):
        make_core(small_network(), small_input(name="data"), OUTPUTS, "test")


def test_an_operation_that_no_runtime_has_is_refused() -> None:
    model = small_network()
    model.graph.node[1].op_type, model.graph.node[1].domain = "Twist", "own.operations"
    model.opset_import.append(helper.make_opsetid("own.operations", 1))
    with pytest.raises(BadInput, match="Twist") as caught:
        make_core(model, small_input(), OUTPUTS, "test")
    assert "\n" not in str(caught.value)


def external(folder: Path) -> Path:
    model = small_network()
    (weights,) = [each for each in model.graph.initializer if each.name == "w"]
    values = numpy_helper.to_array(weights)
    weights.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), "w"))
    path = folder / "net.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="net.weights", size_threshold=0)
    return path


def test_external_data_is_read(tmp_path: Path) -> None:
    assert len(make_core(read_model(external(tmp_path)), small_input(), OUTPUTS, "test").graph.node) > 3


def test_external_data_that_is_missing_is_one_clear_line(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "net.weights").unlink()
    with pytest.raises(BadInput, match="the file of its weights is missing") as caught:
        read_model(path)
    assert "net.weights" in str(caught.value)
    assert "\n" not in str(caught.value)
    (tmp_path / "net.weights").write_bytes(b"half")
    with pytest.raises(BadInput, match=r"the file of its weights is truncated, got net\.weights"):
        read_model(path)


WHOLE = small_network().SerializeToString()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"not a network at all", "not an ONNX file, or a truncated one"),
        (b"\x08\x06\x12", "not an ONNX file, or a truncated one"),
        (WHOLE[: len(WHOLE) // 2], "not an ONNX file, or a truncated one"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer"),
    ],
)
def test_a_file_that_is_no_onnx_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"net\.onnx: {said}.*; ") as caught:
        read_model(path)
    assert "protobuf" not in str(caught.value)


def test_an_operator_that_onnx_does_not_have_is_named_with_its_node(tmp_path: Path) -> None:
    model = small_network()
    model.graph.node[1].op_type = "Twist"
    onnx.save(model, str(tmp_path / "net.onnx"))
    with pytest.raises(BadInput, match=r"unknown operator Twist \(node relu\), expected one of opset 11; export"):
        read_model(tmp_path / "net.onnx")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("model_id", "file"),
    [
        ("ultraface-rfb-320", "ultraface/version-RFB-320_without_postprocessing.onnx"),
        ("ultraface-rfb-320", "ultraface/version-RFB-320_simplified.onnx"),
        ("yunet-2023mar", "yunet/face_detection_yunet_2023mar.onnx"),
        ("yunet-n-320", "yunet/yunet_n_320_320.onnx"),
    ],
)
def test_real_networks_stay_equal(model_id: str, file: str, shared: Path) -> None:
    manifest = read_manifest(MODELS / model_id / "manifest.toml")
    core = make_core(read_model(shared / "models" / file), manifest.input, tuple(manifest.outputs.values()), file)
    check(core, file)
    assert not {node.op_type for node in core.graph.node} & {"Shape", "Gather", "Unsqueeze", "BatchNormalization"}
