"""One contract for every runtime: what goes in, what comes out, and what is said when it cannot."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.catalog.manifest import Artefact, Input, Manifest, ModelFile
from edge.errors import BackendUnavailable, InferenceError, ManifestError
from edge.sensor.inference.opening import OpenedSession, open_session
from edge.sensor.inference.quiet import without_info_lines
from edge.sensor.types import Image
from tests.conftest import unavailable
from tests.edge.sensor.inference.scripted import ScriptedSession
from tests.pictures.portraits import detect, locate, open_detector, portrait_of_astronaut, same_faces, two_portraits
from tests.places import ROOT

pytestmark = pytest.mark.contract

PACKAGES = {"openvino": "openvino", "onnxruntime": "onnxruntime", "opencv": "cv2", "tflite": "ai_edge_litert"}
TARGETS = ["openvino:CPU", "onnxruntime:CPU", "opencv:CPU"]
READS = {
    "yunet-2023mar": TARGETS,
    "yunet-n-320": TARGETS,
    "yunet-n-640": TARGETS,
    "ultraface-rfb-320": TARGETS,
    "face-detection-retail-0004": ["openvino:CPU"],
    "res10": ["opencv:CPU"],
    "haar-frontalface": ["opencv:CPU"],
}
"""Model of the catalog -> targets that read the files its makers publish."""
PAIRS = [(model, target) for model, targets in READS.items() for target in targets]
LISTS = {"haar-frontalface", "res10"}
"""Their outputs are lists of any length, which make no batch."""
SHORT_RANGE_LITE = Input(
    name="input",
    width_px=128,
    height_px=128,
    colour="RGB",
    layout="NHWC",
    mean=(127.5, 127.5, 127.5),
    scale=1 / 127.5,
    resize="letterbox",
)


def need_package(target: str) -> None:
    package = PACKAGES[target.partition(":")[0]]
    if importlib.util.find_spec(package) is None:
        unavailable(f"{package} is not installed")


def open_model(shared: Path, model: str, target: str, **options: object) -> OpenedSession:
    need_package(target)
    found = locate(shared, model, target)
    return open_session(found.manifest, found.folder, [target], threads=1, **options)  # type: ignore[arg-type]


def with_file(path: Path, kind: str, *, size: int | None = None, **changes: object) -> Manifest:
    """A manifest of one file of a kind."""
    file = ModelFile(path=path.name, sha256="0" * 64, size=size or path.stat().st_size)
    manifest = Manifest(
        schema="passerby.manifest/1",
        id="one-file",
        version="1",
        task="detection",
        description="",
        licence="",
        source="",
        training_data="",
        artefacts=(Artefact(kind=kind, files=(file,)),),  # type: ignore[arg-type]
        input=SHORT_RANGE_LITE,
        decoder="boxes",
        outputs={"boxes": "regressors", "scores": "classificators"},
    )
    return msgspec.structs.replace(manifest, **changes)


@pytest.mark.parametrize(("model", "target"), PAIRS)
def test_every_detector_finds_both_faces_of_two_portraits(shared: Path, model: str, target: str) -> None:
    need_package(target)
    detector = open_detector(shared, model, target, input_width=640)
    faces = detect(detector, two_portraits(), score=0.5)
    admiral, astronaut = sorted(faces, key=lambda face: -face.box.centre[0])[:2]
    assert len(faces) == 2
    assert astronaut.box.centre == pytest.approx((222, 118), abs=20)
    assert admiral.box.centre == pytest.approx((512 + 269, 217), abs=25)
    assert detector.target == target


@pytest.mark.parametrize("model", ["yunet-2023mar", "ultraface-rfb-320"])
@pytest.mark.parametrize("target", ["onnxruntime:CPU", "opencv:CPU"])
def test_runtimes_agree_on_the_faces(shared: Path, model: str, target: str) -> None:
    need_package(target)
    found, expected = (
        detect(open_detector(shared, model, one, input_width=640), np.vstack((two_portraits(), two_portraits())), 0.5)
        for one in (target, "openvino:CPU")
    )
    assert len(expected) == 4
    assert same_faces(found, expected, least_iou=0.98)
    for mine, other in zip(found, expected, strict=True):
        assert mine.score == pytest.approx(other.score, abs=0.01)


@pytest.mark.parametrize(("model", "target"), [pair for pair in PAIRS if pair[0] not in LISTS])
def test_a_session_names_its_outputs_and_batches_them_along_the_first_axis(
    shared: Path, model: str, target: str
) -> None:
    opened = open_model(shared, model, target, max_batch=2)
    height, width = opened.input_hw
    pictures = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    manifest = locate(shared, model, target).manifest
    together = run(opened, manifest.input.name, pictures)
    apart = [run(opened, manifest.input.name, pictures[k : k + 1]) for k in (0, 1)]
    for name in manifest.outputs.values():
        assert len(together[name]) == 2
        for k in (0, 1):
            np.testing.assert_allclose(together[name][k], apart[k][name][0], atol=1e-5)


def run(opened: OpenedSession, name: str, pictures: Image) -> dict[str, np.ndarray]:
    opened.session.start({name: pictures})
    return {word: values.copy() for word, values in opened.session.wait().items()}


@pytest.mark.parametrize(("model", "target"), PAIRS)
def test_a_picture_that_does_not_fit_is_refused_with_what_was_expected(shared: Path, model: str, target: str) -> None:
    opened = open_model(shared, model, target)
    name = locate(shared, model, target).manifest.input.name
    height, width = opened.input_hw
    for bad in (np.zeros((1, height + 1, width, 3), np.uint8), np.zeros((1, height, width, 3), np.float32)):
        with pytest.raises(InferenceError, match=f"expected uint8.*{height}, {width}, 3"):
            opened.session.start({name: bad})
    with pytest.raises(InferenceError, match=f"expected {name}"):
        opened.session.start({"other": np.zeros((1, height, width, 3), np.uint8)})
    with pytest.raises(InferenceError, match=r"1\.\.1"):
        opened.session.start({name: np.zeros((2, height, width, 3), np.uint8)})


@pytest.mark.parametrize(("model", "target"), PAIRS)
def test_waiting_for_nothing_is_an_error_and_closing_twice_is_none(shared: Path, model: str, target: str) -> None:
    session = open_model(shared, model, target).session
    with pytest.raises(InferenceError, match="without start"):
        session.wait()
    session.close()
    session.close()


def test_openvino_and_opencv_take_the_size_that_is_asked_for(shared: Path) -> None:
    for target in ("openvino:CPU", "opencv:CPU"):
        assert open_model(shared, "yunet-2023mar", target, input_hw=(192, 320)).input_hw == (192, 320)


def test_onnxruntime_says_that_the_file_has_a_size_of_its_own(shared: Path) -> None:
    assert open_model(shared, "yunet-2023mar", "onnxruntime:CPU", input_hw=(192, 320)).input_hw == (640, 640)


def test_litert_reads_a_float_file_and_agrees_with_openvino(shared: Path) -> None:
    need_package("tflite:CPU")
    path = shared / "models" / "mediapipe" / "face_detection_short_range.tflite"
    picture = np.ascontiguousarray(portrait_of_astronaut()[64:192, 160:288])[None]
    lite = open_session(with_file(path, "tflite-int8"), path.parent, ["tflite:CPU"], threads=1)
    openvino = open_session(with_file(path, "onnx"), path.parent, ["openvino:CPU"], threads=1)
    assert lite.input_hw == (128, 128)
    ours, theirs = (run(opened, "input", picture) for opened in (lite, openvino))
    assert ours["classificators"].max() > 0
    for name in ("regressors", "classificators"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-2, atol=0.05)


def test_a_file_for_the_edge_tpu_says_which_target_it_needs(shared: Path) -> None:
    need_package("tflite:CPU")
    path = shared / "models" / "mediapipe" / "face-detector-quantized_edgetpu.tflite"
    with pytest.raises(InferenceError, match="coral:usb"):
        open_session(with_file(path, "tflite-int8"), path.parent, ["tflite:CPU"], threads=1)


@pytest.mark.parametrize(
    ("target", "kind", "name"),
    [
        ("openvino:CPU", "openvino-fp16", "broken.xml"),
        ("openvino:CPU", "onnx", "broken.onnx"),
        ("onnxruntime:CPU", "onnx", "broken.onnx"),
        ("tflite:CPU", "tflite-int8", "broken.tflite"),
        ("opencv:CPU", "onnx", "broken.onnx"),
        ("opencv:CPU", "opencv-cascade", "broken.xml"),
    ],
)
@pytest.mark.parametrize("content", [b"\x00" * 64, b"<xml>"])
def test_a_broken_model_stops_and_does_not_fall_through(
    tmp_path: Path, target: str, kind: str, name: str, content: bytes
) -> None:
    need_package(target)
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InferenceError, match=name) as caught:
        open_session(with_file(path, kind), tmp_path, [target, "opencv:CPU"], threads=1)
    assert "\n" not in str(caught.value)


def test_a_truncated_model_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"short")
    with pytest.raises(ManifestError, match="got 5 bytes, expected 99 bytes"):
        open_session(with_file(path, "onnx", size=99), tmp_path, ["openvino:CPU"], threads=1)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("words", [{"outputs": {"scores": "absent"}}, {"outputs": {}, "input": "absent"}])
def test_a_manifest_of_another_network_is_refused(shared: Path, target: str, words: dict[str, object]) -> None:
    need_package(target)
    found = locate(shared, "ultraface-rfb-320", target)
    if "input" in words:
        words = words | {"input": msgspec.structs.replace(found.manifest.input, name="absent")}
    wrong = msgspec.structs.replace(found.manifest, **words)
    with pytest.raises(InferenceError, match="absent"):
        opened = open_session(wrong, found.folder, [target], threads=1)
        opened.session.start({"absent": np.zeros((1, *opened.input_hw, 3), np.uint8)})


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("openvino:GPU", "finds no GPU"),
        ("openvino:NPU", "finds no NPU"),
        ("onnxruntime:CUDA", "CUDAExecutionProvider"),
        ("onnxruntime:TensorRT", "TensorrtExecutionProvider"),
        ("tflite:CPU", "no tflite-int8, only"),
        ("coral:usb", "Edge TPU"),
        ("coral:pci", "Edge TPU"),
        ("ncs2", "Neural Compute Stick"),
        ("fake:CPU", "in a test"),
    ],
)
def test_what_is_not_here_falls_through_with_its_reason(
    shared: Path, target: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = locate(shared, "ultraface-rfb-320", "opencv:CPU")
    with caplog.at_level(logging.WARNING):
        opened = open_session(found.manifest, found.folder, [target, "opencv:CPU"], threads=1)
    assert opened.session.target == "opencv:CPU"
    assert [(passed.target, reason in passed.reason) for passed in opened.fallbacks] == [(target, True)]
    assert len(caplog.records) == 1


def test_a_model_that_is_not_installed_is_named_when_no_target_is_left(shared: Path, tmp_path: Path) -> None:
    found = locate(shared, "yunet-2023mar", "opencv:CPU")
    with pytest.raises(BackendUnavailable, match=r"openvino:CPU: .*not installed.*opencv:CPU: .*not installed"):
        open_session(found.manifest, tmp_path, ["openvino:CPU", "opencv:CPU"], threads=1)


@pytest.mark.process
def test_only_the_chosen_runtime_is_imported(shared: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from tests.pictures.portraits import detect, open_detector, two_portraits;"
        "detect(open_detector(Path(sys.argv[1]), 'ultraface-rfb-320', 'opencv:CPU'), two_portraits());"
        "print(sorted({'openvino', 'onnxruntime', 'ai_edge_litert', 'tflite_runtime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(shared)], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_openvino_is_imported_without_its_telemetry(shared: Path) -> None:
    open_model(shared, "ultraface-rfb-320", "openvino:CPU")
    assert sys.modules.get("openvino_telemetry", "absent") is None


def test_a_scripted_session_plays_its_script_and_remembers_what_it_saw() -> None:
    picture = np.ones((1, 2, 2, 3), np.uint8)
    session = ScriptedSession([{"y": np.array([1])}, InferenceError("scripted")])
    session.start({"x": picture})
    picture[:] = 0
    assert session.wait() == {"y": np.array([1])}
    assert session.seen[0]["x"].min() == 1
    session.start({})
    with pytest.raises(InferenceError, match="scripted"):
        session.wait()
    session.start({})
    with pytest.raises(InferenceError, match="no outputs left"):
        session.wait()
    session.close()
    with pytest.raises(InferenceError, match="closed"):
        session.start({})


OPEN_LITE = """
import os, sys
from tests.edge.sensor.inference.test_backends import with_file, open_session
from pathlib import Path
path = Path(sys.argv[1])
open_session(with_file(path, "tflite-int8"), path.parent, ["tflite:CPU"], threads=1)
os.write(2, b"afterwards")
"""


@pytest.mark.process
@pytest.mark.shared
def test_litert_prints_nothing_while_it_opens_a_network(shared: Path) -> None:
    need_package("tflite:CPU")
    path = shared / "models" / "mediapipe" / "face_detection_short_range.tflite"
    command = [sys.executable, "-W", "ignore", "-c", OPEN_LITE, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "afterwards")


def test_what_native_code_says_of_faults_is_passed_on_and_information_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    with without_info_lines():
        os.write(2, b"INFO: Created a delegate.\nERROR: no such operation\n")
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "ERROR: no such operation\nlater\n"
