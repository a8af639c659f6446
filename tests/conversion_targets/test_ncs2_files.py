"""What the old OpenVINOs of the Neural Compute Stick 2 read, in the real ones where they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from conversion.environments.calling import WORKERS, call_worker
from conversion.targets.core import as_input, read_core, run_core
from conversion.targets.errors import TargetRefused
from conversion.targets.ncs2 import NEWEST_OPSET, build_ncs2, import_openvino, make_older, opset_of
from conversion.targets.ncs2_check import TOLERANCE, Ncs2Report, RuntimeCheck, check_ncs2, largest_difference
from edge.errors import BadInput
from edge.types import Image
from tests.conversion_targets.conftest import save
from tests.conversion_targets.networks import Drawing


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
    model = import_openvino().Core().read_model(path)
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
    files = build_ncs2(core, tmp_path, "net")
    assert [file.name for file in files] == ["net-ncs2.xml", "net-ncs2.bin", "net-ncs2.onnx"]
    sets = operation_sets(files[0])
    assert sets["Interpolate"] == 4
    assert max(sets.values()) <= NEWEST_OPSET
    picture, ov = noise((16, 24), 1), import_openvino()
    expected = run_core(read_core(core), picture)["y"]
    for file in (files[0], files[2]):
        compiled = ov.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        got = compiled(picture)[compiled.output("y")]
        assert np.abs(got - expected).max() <= 1e-3 * np.abs(expected).max()


def test_the_rewrite_was_needed() -> None:
    ov = import_openvino()
    model = ov.Core().read_model(draw_resize(mode="nearest").SerializeToString())
    assert max(opset_of(op) for op in model.get_ordered_ops()) == 11
    assert max(opset_of(op) for op in make_older(model).get_ordered_ops()) <= NEWEST_OPSET


def test_an_operation_without_an_older_form_is_refused_by_name() -> None:
    ov = import_openvino()
    import openvino.opset12 as operations

    picture = operations.parameter([1, 4, 8, 8], ov.Type.f32, name="x")
    ones = np.ones(4, np.float32)
    grouped = operations.group_normalization(picture, ones, ones, 2, 1e-5)
    with pytest.raises(TargetRefused, match=r"GroupNormalization of operation set 12.*operation set 10"):
        make_older(ov.Model([grouped], [picture]))


def test_what_is_no_core_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "core.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(BadInput, match=r"core\.onnx"):
        build_ncs2(broken, tmp_path, "net")
    assert [path.name for path in tmp_path.iterdir()] == ["core.onnx"]


def test_a_missing_interpreter_is_not_checked_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PATH", "HOME", "PYENV_ROOT", "PASSERBY_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # where the other one's interpreter is this very process's
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    files = build_ncs2(save(draw_resize(mode="nearest"), tmp_path), tmp_path, "net")
    old = check_ncs2(files[0], files[2], noise((16, 24), 1)).checks[1]
    assert old.difference is None
    assert "no Python 3.9" in old.not_checked


def test_a_report_passes_only_when_everything_was_checked() -> None:
    good = RuntimeCheck("openvino-2021.4", "net.onnx", 1e-6, ())
    refused = RuntimeCheck("openvino-2021.4", "net.onnx", 1e-6, ("Erf e",))
    wrong = RuntimeCheck("openvino-2022.3", "net.xml", 2 * TOLERANCE, None)
    skipped = RuntimeCheck("openvino-2022.3", "net.xml", None, None, not_checked="no Python 3.9")
    assert Ncs2Report((good,)).passed
    for check in (refused, wrong):
        assert not Ncs2Report((good, check)).passed
        assert Ncs2Report((good, check)).failed
    assert not Ncs2Report((good, skipped)).passed
    assert not Ncs2Report((good, skipped)).failed


def test_numbers_that_are_none_differ_without_bound() -> None:
    ones = np.ones((1, 2), np.float32)
    assert largest_difference({"y": ones * np.nan}, {"y": ones}) == float("inf")
    assert largest_difference({"y": ones[:, :1]}, {"y": ones}) == float("inf")
    assert largest_difference({"y": ones * 11}, {"y": ones * 10}) == pytest.approx(0.1)


@pytest.mark.oldruntimes
@pytest.mark.shared
@pytest.mark.parametrize("network", ["ultraface", "yunet", "levi_hassner"])
def test_both_old_openvinos_give_the_numbers_and_take_every_layer(
    old_openvinos: tuple[Path, Path], tmp_path: Path, request: pytest.FixtureRequest, network: str
) -> None:
    core = request.getfixturevalue(network)
    files = build_ncs2(core, tmp_path, network)
    report = check_ncs2(files[0], files[2], noise(read_core(core).hw, 3))
    print(report)
    assert report.passed
    assert report.checks[1].refused == ()


@pytest.mark.oldruntimes
def test_a_layer_that_the_myriad_x_lacks_is_named(old_openvinos: tuple[Path, Path], tmp_path: Path) -> None:
    drawing = Drawing(0)
    x = drawing.add("Conv", ["x", drawing.draw("w", (4, 3, 3, 3))], "c")
    drawing.add("Sinh", [x], "y")
    core = save(drawing.model("x", (1, 3, 10, 10), {"y": (1, 4, 8, 8)}), tmp_path)
    files = build_ncs2(core, tmp_path, "net")
    small = noise((10, 10), 1) // 255
    report = check_ncs2(files[0], files[2], small)
    assert [refused.split()[0] for refused in report.checks[1].refused or ()] == ["Sinh"]
    assert report.failed


@pytest.mark.oldruntimes
def test_2022_3_refuses_what_today_writes_without_the_rewrite(old_openvinos: tuple[Path, Path], tmp_path: Path) -> None:
    from conversion.environments.calling import WorkerFailed

    ov = import_openvino()
    path = tmp_path / "new.xml"
    ov.save_model(ov.Core().read_model(draw_resize(mode="nearest").SerializeToString()), path)
    header = {"model": str(path), "input": "x", "outputs": ["y"]}
    pictures = as_input(noise((16, 24), 1)[0])
    with pytest.raises(WorkerFailed, match="opset11"):
        call_worker(old_openvinos[1], WORKERS / "run_openvino_2022.py", header, {"pictures": pictures})
