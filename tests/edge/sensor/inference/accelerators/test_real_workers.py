"""The workers of the real accelerators, as far as they go on a machine without one."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")


import ctypes.util
import importlib.util
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from conversion.artefacts.ncs2 import build_ncs2
from conversion.environments import catalog as environments
from edge.errors import AcceleratorLost
from edge.sensor.inference.accelerators.device import Accelerator, Limits, Network
from edge.sensor.inference.accelerators.launcher_process import LauncherProcess
from edge.sensor.inference.accelerators.opening import Accelerators, worker_command
from edge.sensor.inference.opening import open_session
from edge.sensor.inference.openvino import import_openvino, the_core
from edge.settings.settings import Accelerators as AcceleratorSettings
from tests.conftest import need_program, unavailable
from tests.conversion.conftest import need_environment
from tests.conversion.jobs import core_at, job, save
from tests.conversion.networks import draw_levi_hassner, read_yunet
from tests.models.accelerated import install

pytestmark = pytest.mark.process

SLOW = Limits(answer_s=20.0, start_s=60.0)
YUNET = "yunet/face_detection_yunet_2023mar.onnx"


@pytest.fixture(params=["openvino-2021.4", "openvino-2022.3"])
def old_python(request: pytest.FixtureRequest) -> Path:
    made = {"openvino-2021.4": environments.openvino_2021, "openvino-2022.3": environments.openvino_2022}
    return need_environment(made[request.param]())


@pytest.fixture
def stick(old_python: Path) -> Iterator[Accelerator]:
    """The stick's worker on the CPU of an old OpenVINO, behind its lock."""
    settings = AcceleratorSettings(ncs2_python=str(old_python))
    launcher = LauncherProcess((*worker_command("ncs2", settings), "CPU"), makes_files=True)
    yield Accelerator("ncs2", launcher, SLOW)
    launcher.close()


@pytest.mark.oldruntimes
@pytest.mark.shared
def test_the_sticks_worker_gives_todays_numbers_in_both_old_openvinos(
    stick: Accelerator, old_python: Path, shared: Path, tmp_path: Path
) -> None:
    core = save(read_yunet(shared / "models" / YUNET, (192, 320)), tmp_path)
    hw = core_at(core).hw
    files = build_ncs2(job(core, np.zeros((0, 1, 1, 3), np.uint8), tmp_path))
    pictures = np.random.default_rng(0).integers(0, 256, (3, *hw, 3), dtype=np.uint8)
    read = files[2] if "2021" in str(old_python) else files[0]
    expected = run_today(read, core_at(core).outputs, pictures)
    header = {
        "files": [str(file) for file in files],
        "input": core_at(core).input.name,
        "outputs": list(expected),
        "hw": list(hw),
    }
    stick.load(Network("net", header, tuple(expected)))
    found = stick.answer(stick.begin("net", {"pictures": pictures}), "net")
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-4 * max(1.0, float(np.abs(values).max())))


def run_today(file: Path, names: tuple[str, ...], pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs in this process's OpenVINO."""
    core = the_core(import_openvino("ncs2"))
    compiled = core.compile_model(core.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    runs = [compiled.infer_new_request({0: picture[None]}) for picture in pictures]
    return {name: np.concatenate([run[compiled.output(name)] for run in runs]) for name in names}


@pytest.mark.oldruntimes
@pytest.mark.shared
def test_a_machine_without_a_stick_says_so_in_time_and_goes_on(shared: Path, tmp_path: Path) -> None:
    python = need_environment(environments.openvino_2021())
    located = install(tmp_path, shared).locate("accelerated")
    settings = AcceleratorSettings(ncs2_python=str(python), start_s=15.0)
    began = time.monotonic()
    with closing(Accelerators(settings)) as accelerators:
        opened = open_session(
            located.manifest,
            located.folder,
            ["ncs2", "openvino:CPU"],
            threads=1,
            drivers=accelerators.drivers,
        )
        took_s = time.monotonic() - began
        (device,) = accelerators.devices
        assert opened.session.target == "openvino:CPU"
        assert (device.fault, "Can not init Myriad device" in device.reason) == ("device", True)
        assert took_s < 10.0


@pytest.mark.oldruntimes
def test_an_openvino_without_the_plugin_is_told_as_a_missing_library(tmp_path: Path) -> None:
    python = need_environment(environments.openvino_2022())
    core = save(draw_levi_hassner(8, seed=1), tmp_path)
    files = build_ncs2(job(core, np.zeros((0, 1, 1, 3), np.uint8), tmp_path))
    launcher = LauncherProcess(worker_command("ncs2", AcceleratorSettings(ncs2_python=str(python))), makes_files=True)
    device = Accelerator("ncs2", launcher, SLOW)
    header = {"files": [str(file) for file in files], "input": "data", "outputs": ["prob"], "hw": [227, 227]}
    try:
        with pytest.raises(AcceleratorLost) as caught:
            device.load(Network("net", header, ("prob",)))
    finally:
        launcher.close()
    assert caught.value.fault == "library", caught.value


def coral(library: str, folder: Path, shared: Path) -> Accelerator:
    """The Edge TPU, after a try to open the detector on it with OpenVINO behind it."""
    located = install(folder, shared).locate("accelerated")
    with closing(Accelerators(AcceleratorSettings(coral_library=library, start_s=30.0))) as accelerators:
        opened = open_session(
            located.manifest,
            located.folder,
            ["coral:usb", "openvino:CPU"],
            threads=1,
            drivers=accelerators.drivers,
        )
        assert opened.session.target == "openvino:CPU"
        return accelerators.devices[0]


def need_litert() -> None:
    if importlib.util.find_spec("ai_edge_litert") is None:
        unavailable("ai_edge_litert is not installed")


@pytest.mark.shared
def test_without_libedgetpu_its_name_is_told(shared: Path, tmp_path: Path) -> None:
    need_litert()
    device = coral("libedgetpu-that-nobody-has.so.1", tmp_path, shared)
    assert device.fault == "library"
    assert "libedgetpu-that-nobody-has.so.1" in device.reason


@pytest.mark.shared
def test_a_library_that_is_no_delegate_is_told(shared: Path, tmp_path: Path) -> None:
    need_litert()
    device = coral(ctypes.util.find_library("m") or "libm.so.6", tmp_path, shared)
    assert device.fault == "library"
    assert "not an Edge TPU delegate" in device.reason


@pytest.mark.shared
def test_a_library_that_crashes_ends_its_worker_only(shared: Path, tmp_path: Path) -> None:
    """As libedgetpu of another TensorFlow does (google-coral/edgetpu, issue 812)."""
    need_litert()
    compiler = need_program("cc")
    source, library = tmp_path / "crash.c", tmp_path / "libcrash.so"
    source.write_text("void *tflite_plugin_create_delegate(void) { *(volatile int *)0 = 1; return 0; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    device = coral(str(library), tmp_path / "models", shared)
    assert device.fault == "crash"
    assert "signal 11" in device.reason


@pytest.mark.shared
def test_a_library_that_finds_no_device_is_told(shared: Path, tmp_path: Path) -> None:
    need_litert()
    compiler = need_program("cc")
    source, library = tmp_path / "none.c", tmp_path / "libnone.so"
    source.write_text(
        "void *tflite_plugin_create_delegate(char **k, char **v, unsigned long n, void (*say)(const char *))"
        '{ say("no Edge TPU here"); return 0; }\n'
        "void tflite_plugin_destroy_delegate(void *d) {}\n"
    )
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    device = coral(str(library), tmp_path / "models", shared)
    assert device.fault == "device"
    assert "no Edge TPU" in device.reason
