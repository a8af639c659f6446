"""What the old OpenVINOs of the Neural Compute Stick 2 read, in the real ones where they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from msgspec.structs import replace

from conversion.artefacts.job import Core, Job
from conversion.artefacts.ncs2 import NEWEST_OPSET, build_ncs2, make_older, opset_of
from conversion.environments.worker_call import WORKERS, call_worker
from conversion.onnx.core import channels_first
from conversion.onnx.runtime import difference
from conversion.verify.old_runtimes import TOLERANCE, RuntimeCheck, check_old_runtimes
from edge.catalog.manifest import Input
from edge.errors import BadInput, InferenceError
from edge.sensor.inference.openvino import import_openvino, the_core
from edge.sensor.types import Image
from tests.conversion.jobs import answers_of, core_at, job, save
from tests.conversion.networks import Drawing

NONE = np.zeros((0, 1, 1, 3), np.uint8)
"""No pictures: this artefact needs no calibration."""


def noise(hw: tuple[int, int], count: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (count, *hw, 3), dtype=np.uint8)


def draw_resize(**attributes: object) -> onnx.ModelProto:
    """A network of which today's OpenVINO makes an Interpolate of operation set 11."""
    drawing = Drawing(0)
    x = drawing.add("Conv", ["x", drawing.draw("w", (4, 3, 3, 3))], "c", pads=[1] * 4)
    scales = drawing.constant("scales", np.array([1, 1, 2, 2], np.float32))
    drawing.add("Resize", [x, "", scales], "y", **attributes)
    return drawing.model("x", (1, 3, 16, 24), {"y": (1, 4, 32, 48)})


def operation_sets(path: Path) -> dict[str, int]:
    model = the_core(import_openvino("ncs2")).read_model(path)
    return {op.get_type_name(): opset_of(op) for op in model.get_ordered_ops()}


@pytest.mark.parametrize(
    "attributes",
    [
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
        {"mode": "cubic", "coordinate_transformation_mode": "align_corners"},
    ],
)
def test_a_resize_is_written_for_the_old_runtime_with_the_same_numbers(
    tmp_path: Path, attributes: dict[str, object]
) -> None:
    core = save(draw_resize(**attributes), tmp_path)
    files = build_ncs2(job(core, NONE, tmp_path))
    assert [file.name for file in files] == ["net-ncs2.xml", "net-ncs2.bin", "net-ncs2.onnx"]
    sets = operation_sets(files[0])
    assert sets["Interpolate"] == 4
    assert max(sets.values()) <= NEWEST_OPSET
    picture, ov = noise((16, 24), 1), import_openvino("ncs2")
    expected = answers_of(core, picture)["y"]
    for file in (files[0], files[2]):
        compiled = the_core(ov).compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        got = compiled(picture)[compiled.output("y")]
        assert np.abs(got - expected).max() <= 1e-3 * np.abs(expected).max()


def test_the_rewrite_was_needed() -> None:
    ov = import_openvino("ncs2")
    model = the_core(ov).read_model(draw_resize(mode="nearest").SerializeToString())
    assert max(opset_of(op) for op in model.get_ordered_ops()) == 11
    assert max(opset_of(op) for op in make_older(model).get_ordered_ops()) <= NEWEST_OPSET


def test_an_operation_without_an_older_form_is_refused_by_name() -> None:
    ov = import_openvino("ncs2")
    import openvino.opset12 as operations

    picture = operations.parameter([1, 4, 8, 8], ov.Type.f32, name="x")
    ones = np.ones(4, np.float32)
    grouped = operations.group_normalization(picture, ones, ones, 2, 1e-5)
    with pytest.raises(BadInput, match=r"GroupNormalization of operation set 12.*operation set 10"):
        make_older(ov.Model([grouped], [picture]))


def test_what_is_no_core_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "core.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(BadInput, match=r"core\.onnx"):
        build_ncs2(Job(Core(broken, Input(name="x", width_px=24, height_px=16), ("y",)), NONE, tmp_path, "net"))
    assert [path.name for path in tmp_path.iterdir()] == ["core.onnx"]


def test_a_missing_interpreter_is_not_checked_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PATH", "HOME", "PYENV_ROOT", "PASSERBY_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # where the other one's interpreter is this very process's
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    files = build_ncs2(job(save(draw_resize(mode="nearest"), tmp_path), NONE, tmp_path))
    old = check_old_runtimes(files[0], files[2], noise((16, 24), 1))[1]
    assert old.difference is None
    assert "no Python 3.9" in old.not_checked
    assert old.verdict.startswith("openvino-2021.4: not checked: no Python 3.9")


def test_a_check_passes_only_when_it_was_made_and_nothing_is_wrong() -> None:
    good = RuntimeCheck(runtime="openvino-2021.4", file="net.onnx", difference=1e-6, not_taken=())
    refused = replace(good, not_taken=("Erf e",))
    wrong = RuntimeCheck(runtime="openvino-2022.3", file="net.xml", difference=2 * TOLERANCE)
    broken = RuntimeCheck(runtime="openvino-2022.3", file="net.xml", error="the worker failed")
    skipped = RuntimeCheck(runtime="openvino-2022.3", file="net.xml", not_checked="no Python 3.9")
    assert (good.passed, good.failed) == (True, False)
    for check in (refused, wrong, broken):
        assert (check.passed, check.failed) == (False, True)
    assert (skipped.passed, skipped.failed) == (False, False)
    assert good.verdict == "openvino-2021.4: differs by 1e-06, MYRIAD takes every layer"
    assert refused.verdict.endswith("MYRIAD takes all layers but Erf e")


def test_numbers_that_are_none_differ_without_bound() -> None:
    ones = np.ones((1, 2), np.float32)
    assert difference(ones, ones * np.nan) == float("inf")
    assert difference(ones, ones[:, :1]) == float("inf")
    assert difference(ones * 10, ones * 11) == pytest.approx(0.1)


@pytest.mark.oldruntimes
@pytest.mark.shared
@pytest.mark.parametrize("network", ["ultraface", "yunet", "levi_hassner"])
def test_both_old_openvinos_give_the_numbers_and_take_every_layer(
    old_openvinos: tuple[Path, Path], tmp_path: Path, request: pytest.FixtureRequest, network: str
) -> None:
    core = request.getfixturevalue(network)
    files = build_ncs2(job(core, NONE, tmp_path, network))
    checks = check_old_runtimes(files[0], files[2], noise(core_at(core).hw, 3))
    print(*(check.verdict for check in checks))
    assert all(check.passed for check in checks)
    assert checks[1].not_taken == ()


@pytest.mark.oldruntimes
def test_a_layer_that_the_myriad_x_lacks_is_named(old_openvinos: tuple[Path, Path], tmp_path: Path) -> None:
    drawing = Drawing(0)
    x = drawing.add("Conv", ["x", drawing.draw("w", (4, 3, 3, 3))], "c")
    drawing.add("Sinh", [x], "y")
    core = save(drawing.model("x", (1, 3, 10, 10), {"y": (1, 4, 8, 8)}), tmp_path)
    files = build_ncs2(job(core, NONE, tmp_path))
    small = noise((10, 10), 1) // 255
    old = check_old_runtimes(files[0], files[2], small)[1]
    assert [layer.split()[0] for layer in old.not_taken or ()] == ["Sinh"]
    assert old.failed


@pytest.mark.oldruntimes
def test_2022_3_refuses_what_today_writes_without_the_rewrite(old_openvinos: tuple[Path, Path], tmp_path: Path) -> None:
    ov = import_openvino("ncs2")
    path = tmp_path / "new.xml"
    ov.save_model(the_core(ov).read_model(draw_resize(mode="nearest").SerializeToString()), path)
    header = {"model": str(path), "input": "x", "outputs": ["y"]}
    pictures = channels_first(noise((16, 24), 1))
    with pytest.raises(InferenceError, match="opset11"):
        call_worker(old_openvinos[1], WORKERS / "run_openvino_2022.py", header, {"pictures": pictures})
