"""Real conversions in the TensorFlow environment: what comes out is full-integer and says what the network says."""

from __future__ import annotations

import itertools
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from conversion.environments.calling import WorkerFailed
from conversion.targets.coral import build_coral
from conversion.targets.core import read_core, run_core
from conversion.targets.edgetpu import hold_against_list
from conversion.targets.errors import TargetRefused
from conversion.targets.flatbuffer import read_tflite
from conversion.targets.tflite import build_tflite
from edge.errors import BadInput
from edge.inference.opening import open_session
from edge.manifest import Manifest
from edge.types import Image
from tests.conftest import need_program
from tests.conversion_targets.conftest import ULTRAFACE, save
from tests.conversion_targets.networks import Drawing, read_ultraface
from tests.conversion_targets.photographs import (
    agreement,
    cut,
    open_detector,
    photographs,
    with_artefact,
)
from tests.golden.portraits import MODELS, portrait_of_admiral, portrait_of_astronaut

pytestmark = pytest.mark.tflite

ROOT = Path(__file__).parents[2]


def read_manifest(model: str) -> Manifest:
    from edge.catalog.manifests import read_manifest as read

    return read(MODELS / model / "manifest.toml")


def portraits(hw: tuple[int, int], count: int) -> Image:
    """Crops of the two public-domain portraits, uint8 (N, H, W, 3) BGR."""
    import cv2

    random = np.random.default_rng(0)
    crops = []
    for image in itertools.islice(itertools.cycle((portrait_of_astronaut(), portrait_of_admiral())), count):
        side = int(random.integers(120, 420))
        x, y = random.integers(0, image.shape[1] - side), random.integers(0, image.shape[0] - side)
        crops.append(cv2.resize(image[y : y + side, x : x + side], hw[::-1]))
    return np.stack(crops)


def answers(path: Path, core: Path, pictures: Image) -> dict[str, np.ndarray]:
    """What the device's adapter gives for the pictures, by the core's names."""
    network = read_core(core)
    manifest = with_artefact(read_manifest("ultraface-rfb-320"), "tflite-int8", path, network.hw)
    import msgspec

    fitting = msgspec.structs.replace(
        manifest,
        input=msgspec.structs.replace(manifest.input, name=network.input_name),
        outputs={name: name for name in network.outputs},
    )
    opened = open_session(fitting, path.parent, ["tflite:CPU"], threads=1)
    assert opened.input_hw == network.hw
    runs = []
    for picture in pictures:
        opened.session.start({network.input_name: picture[None]})
        runs.append({name: values.copy() for name, values in opened.session.wait().items()})
    return {name: np.concatenate([run[name] for run in runs]) for name in network.outputs}


@pytest.mark.parametrize("normalised", [True, False], ids=["with normalisation", "without"])
def test_levi_hassner_runs_on_the_edge_tpu_whole_and_loses_little(
    tensorflow: Path, levi_hassner: Path, tmp_path: Path, normalised: bool
) -> None:
    core = levi_hassner
    if not normalised:
        from tests.conversion_targets.networks import draw_levi_hassner

        core = save(draw_levi_hassner(2, seed=4, normalised=False), tmp_path)
    out = tmp_path / "age-coral.tflite"
    build_coral(core, portraits((227, 227), 40), out)
    report = hold_against_list(read_tflite(out))
    assert (report.refused, report.limited) == ((), ())
    assert ("RSQRT" in report.operations) == normalised
    pictures = portraits((227, 227), 80)[40:]
    expected = run_core(read_core(core), pictures)["prob"]
    assert expected.max(axis=1).mean() < 0.99
    assert np.abs(answers(out, core, pictures)["prob"] - expected).mean() <= 0.006


def test_the_file_takes_pixels_and_names_its_outputs(tensorflow: Path, yunet: Path, tmp_path: Path) -> None:
    out = tmp_path / "yunet-int8.tflite"
    build_tflite(yunet, portraits((320, 320), 12), out)
    facts, core = read_tflite(out), read_core(yunet)
    assert [(tensor.dtype, tensor.shape, tensor.scales, tensor.zero_points) for tensor in facts.inputs] == [
        ("UINT8", (1, 320, 320, 3), (1.0,), (0,))
    ]
    assert {tensor.dtype for tensor in facts.outputs} == {"UINT8"}
    assert (set(facts.signature_inputs), set(facts.signature_outputs)) == ({core.input_name}, set(core.outputs))
    shapes = {name: list(values.shape) for name, values in answers(out, yunet, portraits((320, 320), 1)).items()}
    assert shapes == core.outputs
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.shared
@pytest.mark.parametrize("model", ["ultraface-rfb-320", "yunet-2023mar"])
def test_detectors_find_the_same_faces_on_photographs_that_calibration_did_not_see(
    tensorflow: Path, shared: Path, tmp_path: Path, request: pytest.FixtureRequest, model: str
) -> None:
    core = request.getfixturevalue(model.split("-")[0])
    hw, manifest = read_core(core).hw, read_manifest(model)
    file = next(file for artefact in manifest.artefacts if artefact.kind == "onnx" for file in artefact.files)
    original = shared / "models" / file.found_as[0]
    reference, scenes = with_artefact(manifest, "onnx", original, hw), shared / "data" / "scenes-train.tar"
    out = tmp_path / "detector.tflite"
    build_tflite(core, cut(photographs(scenes, 0, 4), reference), out)
    converted = with_artefact(manifest, "tflite-int8", out, hw)
    assert manifest.thresholds is not None
    unseen: Iterator[Image] = itertools.chain.from_iterable(photographs(scenes, first, 4) for first in (1, 2, 3))
    same = agreement(
        open_detector(reference, original.parent, "openvino:CPU"),
        open_detector(converted, tmp_path, "tflite:CPU"),
        unseen,
        manifest.thresholds.score,
    )
    print(f"{model}: {same}, recall {same.recall:.4f}, precision {same.precision:.4f}")
    assert same.expected > 900
    assert same.recall >= 0.98
    assert same.precision >= 0.98


def unsimplified(shared: Path, folder: Path) -> Path:
    """UltraFace as its authors exported it, with the shapes of its outputs."""
    model = read_ultraface(shared / "models" / "ultraface" / "version-RFB-320_without_postprocessing.onnx")
    shapes = {"scores": (1, 4420, 2), "boxes": (1, 4420, 4)}
    named = [value.name for value in model.graph.output]
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shapes[name]) for name in named
    )
    return save(model, folder)


@pytest.mark.shared
def test_the_unsimplified_ultraface_is_refused_for_its_numbers(tensorflow: Path, shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "wrong.tflite"
    with pytest.raises(TargetRefused, match=r"changes output scores.*difference of (0\.99|1).*simplify"):
        build_tflite(unsimplified(shared, tmp_path), portraits((240, 320), 8), out)
    assert not out.exists()


@pytest.mark.shared
def test_forced_past_the_comparison_the_unsimplified_ultraface_converts_and_is_wrong(
    tensorflow: Path, shared: Path, tmp_path: Path
) -> None:
    core, out, pictures = unsimplified(shared, tmp_path), tmp_path / "wrong.tflite", portraits((240, 320), 8)
    build_tflite(core, pictures, out, compare=False)
    right = save(read_ultraface(shared / "models" / ULTRAFACE), tmp_path)
    expected = run_core(read_core(right), pictures)["scores"]
    error = np.abs(answers(out, right, pictures)["scores"] - expected).max()
    assert error > 0.9


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        (np.zeros((0, 227, 227, 3), np.uint8), "no calibration pictures"),
        (np.zeros((5, 227, 227, 3), np.uint8), "calibration pictures are empty"),
        (np.zeros((5, 100, 100, 3), np.uint8), "no calibration pictures.*227, 227, 3"),
    ],
)
def test_calibration_pictures_that_say_nothing_are_refused(
    levi_hassner: Path, tmp_path: Path, pictures: Image, reason: str
) -> None:
    for build in (build_tflite, build_coral):
        with pytest.raises(BadInput, match=reason):
            build(levi_hassner, pictures, tmp_path / "out.tflite")
    assert list(tmp_path.iterdir()) == []


def draw_small(op: str, **attributes: object) -> onnx.ModelProto:
    drawing = Drawing(0)
    x = drawing.add("Conv", ["x", drawing.draw("w", (4, 3, 3, 3))], "c")
    drawing.add(op, [x], "y", **attributes)
    return drawing.model("x", (1, 3, 34, 34), {"y": (1, 4, 32, 32)})


def test_an_operation_that_the_edge_tpu_lacks_is_refused_by_name(tensorflow: Path, tmp_path: Path) -> None:
    core, out = save(draw_small("Elu"), tmp_path), tmp_path / "out.tflite"
    with pytest.raises(TargetRefused, match=r"got \d+ ELU: not on the list and"):
        build_coral(core, portraits((34, 34), 8), out)
    build_tflite(core, portraits((34, 34), 8), out)


def test_an_operation_that_no_converter_has_is_one_clear_line(tensorflow: Path, tmp_path: Path) -> None:
    model, out = draw_small("Relu"), tmp_path / "out.tflite"
    model.graph.node[-1].op_type, model.graph.node[-1].domain = "Mystery", "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(WorkerFailed, match="Mystery") as caught:
        build_tflite(save(model, tmp_path), portraits((34, 34), 8), out)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_a_map_keeps_its_channels_first(tensorflow: Path, tmp_path: Path) -> None:
    core, out, pictures = save(draw_small("Relu"), tmp_path), tmp_path / "out.tflite", portraits((34, 34), 8)
    build_tflite(core, pictures, out)
    expected = run_core(read_core(core), pictures)["y"]
    got = answers(out, core, pictures)["y"]
    assert got.shape == expected.shape == (8, 4, 32, 32)
    assert np.abs(got - expected).mean() < 0.01 * expected.max()


def test_a_folder_that_cannot_be_written_is_named(tensorflow: Path, tmp_path: Path) -> None:
    core = save(draw_small("Relu"), tmp_path)
    with pytest.raises(BadInput, match=r"absent.*cannot be written"):
        build_tflite(core, portraits((34, 34), 8), tmp_path / "absent" / "out.tflite")


def test_without_the_compiler_the_log_says_how_to_get_it(
    tensorflow: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        build_coral(save(draw_small("Relu"), tmp_path), portraits((34, 34), 8), tmp_path / "out.tflite")
    assert any("coral.ai/docs/edgetpu/compiler" in record.getMessage() for record in caplog.records)


@pytest.mark.strace
def test_a_conversion_asks_no_host_and_writes_no_picture(tensorflow: Path, tmp_path: Path) -> None:
    strace, log, core = need_program("strace"), tmp_path / "log", save(draw_small("Relu"), tmp_path)
    code = (
        "import sys; from pathlib import Path; from conversion.targets.tflite import build_tflite;"
        "from tests.conversion_targets.test_tflite_conversion import portraits;"
        "build_tflite(Path(sys.argv[1]), portraits((34, 34), 8), Path(sys.argv[2]))"
    )
    command = [strace, "-f", "-qq", "-e", "trace=socket,connect,openat", "-o", str(log), sys.executable, "-c", code]
    subprocess.run([*command, str(core), str(tmp_path / "out.tflite")], cwd=ROOT, check=True, env=os.environ)
    calls = log.read_text()
    # A library asks whether the system has IPv6 by making a socket; nobody connects, so nobody looks a name up.
    assert not re.findall(r"connect\(.*AF_INET.*", calls)
    written = re.findall(r'openat\([^"]*"([^"]+)", O_(?:WRONLY|RDWR)', calls)
    assert any(name.endswith("saved_model.pb") or "saved_model" in name for name in written)
    assert not [name for name in written if name.endswith((".jpg", ".png", ".npz", ".raw"))]
