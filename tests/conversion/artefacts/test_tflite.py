"""Real conversions in the TensorFlow environment: what comes out is full-integer and says what the network says."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import helper

from conversion.artefacts.coral import build_coral
from conversion.artefacts.edgetpu import hold_against_list
from conversion.artefacts.flatbuffer import FileFacts, read_tflite
from conversion.artefacts.job import Job
from conversion.artefacts.tflite import build_tflite, make_file, rewrite
from conversion.bundle import writing_aside
from conversion.onnx.core import read_core
from conversion.preparation import describe
from conversion.verify.networks import Network
from edge.catalog.manifest import Manifest
from edge.errors import BadInput, InferenceError, UsageError
from edge.sensor.inference.opening import open_session
from edge.sensor.types import Image
from tests.conftest import need_program
from tests.conversion.conftest import ULTRAFACE
from tests.conversion.jobs import answers_of, core_at, job, save
from tests.conversion.networks import Drawing, draw_levi_hassner, read_ultraface, read_unsimplified_ultraface
from tests.conversion.photographs import agreement, cut, open_detector, photographs, with_artefact
from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut
from tests.places import MODELS, ROOT

pytestmark = pytest.mark.tflite


def read_manifest(model: str) -> Manifest:
    from edge.catalog.manifest_file import read_manifest as read

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


def facts_of(path: Path) -> FileFacts:
    return read_tflite(path.read_bytes(), str(path))


def answers(path: Path, core: Path, pictures: Image) -> dict[str, np.ndarray]:
    """What the device's adapter gives for the pictures, by the core's names."""
    network = core_at(core)
    manifest = with_artefact(read_manifest("ultraface-rfb-320"), "tflite-int8", path, network.hw)
    fitting = msgspec.structs.replace(
        manifest,
        input=msgspec.structs.replace(manifest.input, name=network.input.name),
        outputs={name: name for name in network.outputs},
    )
    opened = open_session(fitting, path.parent, ["tflite:CPU"], threads=1)
    assert opened.input_hw == network.hw
    runs = []
    for picture in pictures:
        opened.session.start({network.input.name: picture[None]})
        runs.append({name: values.copy() for name, values in opened.session.wait().items()})
    return {name: np.concatenate([run[name] for run in runs]) for name in network.outputs}


@pytest.mark.parametrize("normalised", [True, False], ids=["with normalisation", "without"])
def test_levi_hassner_runs_on_the_edge_tpu_whole_and_loses_little(
    tensorflow: Path, levi_hassner: Path, tmp_path: Path, normalised: bool
) -> None:
    core = levi_hassner
    if not normalised:
        core = save(draw_levi_hassner(2, seed=4, normalised=False), tmp_path)
    out = build_coral(job(core, portraits((227, 227), 40), tmp_path, "age"))[-1]
    assert out.name == "age-coral.tflite"
    report = hold_against_list(facts_of(out))
    assert (report.refused, report.limited) == ((), ())
    assert ("RSQRT" in report.operations) == normalised
    pictures = portraits((227, 227), 80)[40:]
    expected = answers_of(core, pictures)["prob"]
    assert expected.max(axis=1).mean() < 0.99
    assert np.abs(answers(out, core, pictures)["prob"] - expected).mean() <= 0.006


def test_the_file_takes_pixels_and_names_its_outputs(tensorflow: Path, yunet: Path, tmp_path: Path) -> None:
    (out,) = build_tflite(job(yunet, portraits((320, 320), 12), tmp_path, "yunet"))
    facts, core = facts_of(out), core_at(yunet)
    assert [(tensor.dtype, tensor.shape, tensor.scales, tensor.zero_points) for tensor in facts.inputs] == [
        ("UINT8", (1, 320, 320, 3), (1.0,), (0,))
    ]
    assert {tensor.dtype for tensor in facts.outputs} == {"UINT8"}
    assert (set(facts.signature_inputs), set(facts.signature_outputs)) == ({core.input.name}, set(core.outputs))
    picture = portraits((320, 320), 1)
    shapes = {name: values.shape for name, values in answers(out, yunet, picture).items()}
    assert shapes == {name: values.shape for name, values in answers_of(yunet, picture).items()}
    assert [path.name for path in tmp_path.iterdir()] == ["yunet-int8.tflite"]


@pytest.mark.shared
@pytest.mark.parametrize("model", ["ultraface-rfb-320", "yunet-2023mar"])
def test_detectors_find_the_same_faces_on_photographs_that_calibration_did_not_see(
    tensorflow: Path, shared: Path, tmp_path: Path, request: pytest.FixtureRequest, model: str
) -> None:
    core = request.getfixturevalue(model.split("-")[0])
    hw, manifest = core_at(core).hw, read_manifest(model)
    file = next(file for artefact in manifest.artefacts if artefact.kind == "onnx" for file in artefact.files)
    original = shared / "models" / file.found_as[0]
    reference, scenes = with_artefact(manifest, "onnx", original, hw), shared / "data" / "scenes-train.tar"
    (out,) = build_tflite(job(core, cut(photographs(scenes, 0, 4), reference), tmp_path))
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


def unsimplified(shared: Path, folder: Path) -> Job:
    file = shared / "models" / "ultraface" / "version-RFB-320_without_postprocessing.onnx"
    return job(save(read_unsimplified_ultraface(file), folder), portraits((240, 320), 8), folder)


@pytest.mark.shared
def test_the_unsimplified_ultraface_is_refused_for_its_numbers(tensorflow: Path, shared: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"output scores has other values.*difference of (0\.99|1).*simplify"):
        build_tflite(unsimplified(shared, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["core.onnx"]


@pytest.mark.shared
def test_forced_past_the_comparison_the_unsimplified_ultraface_converts_and_is_wrong(
    tensorflow: Path, shared: Path, tmp_path: Path
) -> None:
    wrong, out = unsimplified(shared, tmp_path), tmp_path / "wrong.tflite"
    core, pictures = read_core(wrong.core.path), wrong.pictures
    out.write_bytes(make_file(wrong, core, rewrite(core), compare=False))
    right = save(read_ultraface(shared / "models" / ULTRAFACE), tmp_path)
    expected = answers_of(right, pictures)["scores"]
    error = np.abs(answers(out, right, pictures)["scores"] - expected).max()
    assert error > 0.9


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        (np.zeros((0, 227, 227, 3), np.uint8), "not pictures to calibrate on"),
        (np.zeros((5, 227, 227, 3), np.uint8), "calibration: these pictures are blank"),
        (np.zeros((5, 100, 100, 3), np.uint8), "not pictures to calibrate on.*227, 227, 3"),
    ],
)
def test_calibration_pictures_that_say_nothing_are_refused(
    levi_hassner: Path, tmp_path: Path, pictures: Image, reason: str
) -> None:
    for build in (build_tflite, build_coral):
        with pytest.raises(BadInput, match=reason):
            build(job(levi_hassner, pictures, tmp_path))
    assert list(tmp_path.iterdir()) == []


def draw_small(op: str, **attributes: object) -> onnx.ModelProto:
    drawing = Drawing(0)
    x = drawing.add("Conv", ["x", drawing.draw("w", (4, 3, 3, 3))], "c")
    drawing.add(op, [x], "y", **attributes)
    return drawing.model("x", (1, 3, 34, 34), {"y": (1, 4, 32, 32)})


def test_an_operation_that_the_edge_tpu_lacks_is_refused_by_name(tensorflow: Path, tmp_path: Path) -> None:
    small = job(save(draw_small("Elu"), tmp_path), portraits((34, 34), 8), tmp_path)
    with pytest.raises(BadInput, match=r"got \d+ ELU: not on the list and"):
        build_coral(small)
    build_tflite(small)


def test_an_operation_that_no_converter_has_is_one_clear_line(tensorflow: Path, tmp_path: Path) -> None:
    model = draw_small("Relu")
    model.graph.node[-1].op_type, model.graph.node[-1].domain = "Mystery", "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(InferenceError, match="Mystery") as caught:
        build_tflite(job(save(model, tmp_path), portraits((34, 34), 8), tmp_path))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["core.onnx"]


def test_a_map_keeps_its_channels_first(tensorflow: Path, tmp_path: Path) -> None:
    core, pictures = save(draw_small("Relu"), tmp_path), portraits((34, 34), 8)
    (out,) = build_tflite(job(core, pictures, tmp_path))
    expected = answers_of(core, pictures)["y"]
    got = answers(out, core, pictures)["y"]
    assert got.shape == expected.shape == (8, 4, 32, 32)
    assert np.abs(got - expected).mean() < 0.01 * expected.max()


def test_a_folder_that_cannot_be_written_is_named(tensorflow: Path, tmp_path: Path) -> None:
    core = save(draw_small("Relu"), tmp_path)
    with (
        pytest.raises(UsageError, match=r"absent.*cannot be read or written"),
        writing_aside(tmp_path / "out", "net"),
    ):
        build_tflite(job(core, portraits((34, 34), 8), tmp_path / "absent"))
    assert not (tmp_path / "out").exists()


def test_beside_a_compiled_file_the_other_one_is_what_is_compared(
    tensorflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "edgetpu_compiler"
    compiler.write_text('#!/bin/sh\nprintf edgetpu-custom-op > "$3/net-coral_edgetpu.tflite"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    core, pictures = save(draw_small("Relu"), tmp_path), portraits((34, 34), 8)
    files = build_coral(job(core, pictures, tmp_path))
    assert [file.name for file in files] == ["net-coral_edgetpu.tflite", "net-coral.tflite"]
    manifest = with_artefact(read_manifest("ultraface-rfb-320"), "tflite-int8", files[1], (34, 34))
    both = msgspec.structs.replace(
        manifest,
        artefacts=(describe("coral", files),),
        input=msgspec.structs.replace(manifest.input, name="x"),
        outputs={"y": "y"},
    )
    network = Network(both, tmp_path)
    assert network.runs_here
    assert network.open(1).infer(pictures[0])["y"].shape == (1, 4, 32, 32)
    compiled_only = msgspec.structs.replace(both, artefacts=(describe("coral", files[:1]),))
    assert not Network(compiled_only, tmp_path).runs_here


@pytest.mark.strace
def test_a_conversion_asks_no_host_and_writes_no_picture(tensorflow: Path, tmp_path: Path) -> None:
    strace, log, core = need_program("strace"), tmp_path / "log", save(draw_small("Relu"), tmp_path)
    code = (
        "import sys; from pathlib import Path; from conversion.artefacts.tflite import build_tflite;"
        "from tests.conversion.jobs import job; from tests.conversion.artefacts.test_tflite import portraits;"
        "build_tflite(job(Path(sys.argv[1]), portraits((34, 34), 8), Path(sys.argv[2])))"
    )
    command = [strace, "-f", "-qq", "-e", "trace=socket,connect,openat", "-o", str(log), sys.executable, "-c", code]
    subprocess.run([*command, str(core), str(tmp_path)], cwd=ROOT, check=True, env=os.environ)
    calls = log.read_text()
    # A library asks whether the system has IPv6 by making a socket; nobody connects, so nobody looks a name up.
    assert not re.findall(r"connect\(.*AF_INET.*", calls)
    written = re.findall(r'openat\([^"]*"([^"]+)", O_(?:WRONLY|RDWR)', calls)
    assert any(name.endswith("saved_model.pb") or "saved_model" in name for name in written)
    assert not [name for name in written if name.endswith((".jpg", ".png", ".npz", ".raw"))]
