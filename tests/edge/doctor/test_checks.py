"""Each check of the doctor on a machine, or a tree of files, that has the fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from edge.catalog.lookup import Catalog
from edge.doctor import devices, machine, networks, sandbox, telemetry
from edge.doctor.findings import Finding, bad, doubtful, good, worst
from edge.machine.heat import Heat
from edge.settings.settings import Accelerators, Camera, Detection, Models, Outbox, Privacy, Settings
from tests.models.accelerated import install
from tests.pictures.clips import encode
from tests.pictures.mjpeg_camera import MjpegCamera, mjpeg_camera
from tests.places import MODELS, ROOT

SETTINGS = Settings()


def verdicts(findings: Iterable[Finding]) -> list[str]:
    return [finding.verdict for finding in findings]


def test_a_finding_about_a_name_that_is_not_utf_8_can_be_written() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    for finding in (good("camera", name), doubtful("camera", name, ""), bad("camera", name, "")):
        assert msgspec.json.decode(msgspec.json.encode(finding))["found"] == "caf\\udce9.mp4"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_the_worst_finding_decides() -> None:
    one, two, three = good("a", "b"), doubtful("a", "b", "c"), bad("a", "b", "c")
    assert [worst(some) for some in ([], [one], [one, two], [two, three, one])] == ["pass", "pass", "warn", "fail"]


@pytest.mark.parametrize(
    ("wall", "synced", "verdict"),
    [(0.0, True, "fail"), (1_795_176_000.0, True, "pass"), (1_795_176_000.0, False, "warn")],
)
def test_clock(wall: float, synced: bool, verdict: str) -> None:
    finding = machine.check_clock(lambda: wall, lambda: synced)
    assert finding.verdict == verdict
    assert bool(finding.do) == (verdict != "pass")


def test_disk(tmp_path: Path) -> None:
    small = msgspec.structs.replace(SETTINGS, outbox=Outbox(max_bytes=100_000))
    assert machine.check_disk(small, tmp_path).verdict == "pass"
    assert machine.check_disk(small, tmp_path / "not" / "made" / "yet").verdict == "pass"
    huge = msgspec.structs.replace(SETTINGS, outbox=Outbox(max_bytes=100_000_000_000))
    assert machine.check_disk(huge, tmp_path).verdict == "warn"


def test_a_state_folder_that_is_not_ours() -> None:
    finding = machine.check_disk(SETTINGS, Path("/proc/1"))
    assert (finding.verdict, "cannot be written" in finding.found) == ("fail", True)


HEAD = "Filename\tType\tSize\tUsed\tPriority\n"


@pytest.mark.parametrize(
    ("lines", "verdict", "words"),
    [
        ("", "pass", "off"),
        ("/dev/zram0 partition 1 0 100\n", "pass", "compressed memory only"),
        ("/dev/zram0 partition 1 0 100\n/var/swap file 1 0 -2\n", "warn", "/var/swap"),
    ],
)
def test_swap(tmp_path: Path, lines: str, verdict: str, words: str) -> None:
    finding = machine.check_swap(tree(tmp_path, {"proc/swaps": HEAD + lines}))
    assert (finding.verdict, words in finding.found) == (verdict, True)


@pytest.mark.parametrize(("controllers", "verdict"), [("cpu io memory pids", "pass"), ("cpu io pids", "warn")])
def test_memory_cgroup(tmp_path: Path, controllers: str, verdict: str) -> None:
    sys = tree(tmp_path, {"sys/fs/cgroup/cgroup.controllers": controllers})
    assert machine.check_memory_cgroup(sys).verdict == verdict


def test_no_cgroups_at_all(tmp_path: Path) -> None:
    assert machine.check_memory_cgroup(tmp_path).verdict == "warn"


@pytest.mark.parametrize(
    ("heat", "expected"),
    [
        (Heat(50.0, None, throttled=False, under_voltage=False), ["pass"]),
        (Heat(None, None, throttled=False, under_voltage=False), ["pass"]),
        (Heat(76.0, None, throttled=False, under_voltage=False), ["warn"]),
        (Heat(90.0, 99.0, throttled=False, under_voltage=False), ["pass"]),
        (Heat(60.0, None, throttled=True, under_voltage=True), ["warn", "warn"]),
        (Heat(60.0, None, throttled=False, under_voltage=False, happened=5), ["warn", "warn"]),
    ],
)
def test_heat_and_power(heat: Heat, expected: list[str]) -> None:
    assert verdicts(machine.check_heat(heat)) == expected


def with_source(source: str) -> Settings:
    return Settings(camera=Camera(source=source))


def test_cameras_that_are_not_there_or_are_none(tmp_path: Path) -> None:
    assert "is not there" in devices.check_camera(with_source("/dev/video77")).found
    no_camera = devices.check_camera(with_source("/dev/null"))
    assert (no_camera.verdict, no_camera.found) == ("fail", "/dev/null is not a camera")
    (tmp_path / "clip.mp4").touch()
    assert devices.check_camera(with_source(str(tmp_path / "clip.mp4"))).verdict == "pass"
    assert devices.check_camera(with_source(str(tmp_path / "none.mp4"))).verdict == "fail"
    assert "user:secret" not in devices.check_camera(with_source("rtsp://user:secret@camera/1")).found


def test_a_stream_that_shows_one_picture_only_is_doubted() -> None:
    def look(camera: MjpegCamera) -> Finding:
        return devices.check_stream(Settings(camera=Camera(source=camera.url, allow_network_source=True)), look_s=0.2)

    with mjpeg_camera(encode(".jpg"), fps=50) as camera:
        hangs = look(camera)
    assert (hangs.verdict, hangs.found.rpartition(", ")[2]) == ("warn", "all of them the same")
    with mjpeg_camera(*(encode(".jpg", index) for index in range(100)), fps=50) as camera:
        assert look(camera).verdict == "pass"
    assert look(camera).verdict == "fail"


def usb(vendor: str, product: str) -> dict[str, str]:
    """A USB device in sysfs, and its node."""
    place = "sys/bus/usb/devices/1-1.4"
    words = {"idVendor": vendor, "idProduct": product, "busnum": "1", "devnum": "7"}
    return {f"{place}/{name}": f"{text}\n" for name, text in words.items()} | {"dev/bus/usb/001/007": ""}


def test_accelerators_that_are_plugged_in_are_named_by_their_ids(tmp_path: Path) -> None:
    nobody = list(devices.check_accelerators(SETTINGS, tmp_path))
    assert [(finding.verdict, finding.found) for finding in nobody] == [("pass", "none among models.targets")]
    unused = list(devices.check_accelerators(SETTINGS, tree(tmp_path, usb("1a6e", "089a"))))
    assert (unused[0].verdict, unused[0].found) == ("warn", "coral:usb is plugged in and not used")


@pytest.mark.parametrize(
    ("target", "vendor", "product", "state"),
    [
        ("ncs2", "03e7", "2485", "waiting"),
        ("ncs2", "03e7", "f63b", "started"),
        ("coral:usb", "18d1", "9302", "started"),
    ],
)
def test_an_accelerator_of_the_targets(tmp_path: Path, target: str, vendor: str, product: str, state: str) -> None:
    settings = Settings(
        models=Models(targets=(target, "openvino:CPU")),  # type: ignore[arg-type]
        accelerators=Accelerators(ncs2_python="/nowhere/python", coral_library="libnobody.so"),
    )
    missing = list(devices.check_accelerators(settings, tmp_path))
    assert (missing[0].verdict, missing[0].found) == ("fail", f"{target}: no device")
    there = list(devices.check_accelerators(settings, tree(tmp_path, usb(vendor, product))))
    assert (there[0].verdict, there[0].found.endswith(f"001/007 ({state})")) == ("pass", True)
    assert there[1].verdict == "fail"
    assert ("/nowhere/python" if target == "ncs2" else "libnobody.so") in there[1].found


@pytest.mark.shared
def test_networks_that_are_right_wrong_missing_or_run_elsewhere(shared: Path, tmp_path: Path) -> None:
    catalog = install(tmp_path, shared)
    chosen = Settings(models=Models(set="accelerated", targets=("openvino:CPU",)))
    assert verdicts(networks.check_networks(chosen, catalog)) == ["pass", "pass", "pass"]
    elsewhere = Settings(models=Models(set="accelerated", targets=("tflite:CPU", "openvino:CPU")))
    assert "runs on openvino:CPU, not on tflite:CPU" in list(networks.check_networks(elsewhere, catalog))[1].found
    nowhere = Settings(models=Models(set="accelerated", targets=("tflite:CPU",)))
    assert list(networks.check_networks(nowhere, catalog))[1].verdict == "fail"
    (tmp_path / "accelerated" / "net.onnx").write_bytes(b"cut")
    wrong = list(networks.check_networks(chosen, catalog))
    assert (verdicts(wrong), "net.onnx: 3 bytes" in wrong[0].found) == (["fail", "pass"], True)


def test_networks_that_are_not_installed(tmp_path: Path) -> None:
    partly = Settings(models=Models(set="best"))
    found = list(networks.check_networks(partly, Catalog(MODELS, tmp_path)))
    assert verdicts(found) == ["fail", "pass", "pass", "pass"]  # the network of age and gender is carried
    assert "passerby models fetch yunet-2023mar" in found[0].do
    unknown = Settings(models=Models(set="nobody"))
    assert verdicts(networks.check_networks(unknown, Catalog(MODELS, tmp_path))) == ["fail"]


@pytest.mark.parametrize(
    ("camera", "width_px", "smallest_px", "metres"),
    [
        (Camera(), -2, 24, 7),
        (Camera(), 0, 48, 4),
        (Camera(width_px=1920, height_px=1080), -2, 36, 7),
        (Camera(width_px=640, height_px=480), -2, 24, 4),
        (Camera(width_px=640, height_px=480), -1, 12, 7),
        (Camera(width_px=720, height_px=1280), -2, 24, 4),
        (Camera(source="picamera"), -2, 24, 7),
        (Camera(source="picamera", view_width_px=416), -2, 37, 5),
        (Camera(source="0", view_width_px=416), -2, 24, 7),
    ],
)
def test_how_small_a_face_is_still_found(camera: Camera, width_px: int, smallest_px: int, metres: int) -> None:
    settings = Settings(camera=camera, detection=Detection(width_px=width_px))
    (finding,) = networks.check_sight(settings, Catalog(MODELS, MODELS).manifest("nano-face"))
    assert f"faces of {smallest_px} px and more" in finding.found
    assert f"up to {metres} m away" in finding.found


@pytest.mark.parametrize(("network", "smallest_px"), [("nano-face", 48), ("nano-face-640", 24)])
def test_where_files_fix_the_size_small_faces_are_found_by_another_network(network: str, smallest_px: int) -> None:
    settings = Settings(models=Models(targets=("tflite:CPU", "openvino:CPU")))
    (finding,) = networks.check_sight(settings, Catalog(MODELS, MODELS).manifest(network))
    assert f"faces of {smallest_px} px and more" in finding.found


def test_how_small_a_face_is_found_is_not_said_of_a_network_that_was_not_measured() -> None:
    assert not list(networks.check_sight(SETTINGS, Catalog(MODELS, MODELS).manifest("res10")))


def test_the_lock_is_tried_for_real() -> None:
    finding = sandbox.try_lock(SETTINGS)
    assert finding.verdict == "pass", finding
    assert "seccomp" in finding.found


def test_settings_that_open_the_walls_are_named() -> None:
    open_walls = Settings(privacy=Privacy(require_lock=False), camera=Camera(allow_network_source=True))
    assert verdicts(sandbox.check_settings(open_walls)) == ["warn", "warn"]
    assert list(sandbox.check_settings(SETTINGS)) == []


LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max file size             {size}                    {size}                    bytes
Max core file size        0                    0                    bytes
"""


def process(root: Path, command: str, seccomp: str, size: str = "0") -> Path:
    """A process in proc(5), as far as it is looked at."""
    files = {
        "cmdline": "\0".join(command.split()) + "\0",
        "limits": LIMITS.format(size=size),
        "task/41/status": f"Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t{seccomp}\n",
    }
    return tree(root / "41", files)


@pytest.mark.parametrize(
    ("seccomp", "size", "verdict", "words"),
    [
        ("2", "0", "pass", "seccomp on every thread"),
        ("0", "0", "fail", "without seccomp"),
        ("2", "9", "fail", "its limit on files"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        "/venv/bin/python /venv/bin/passerby sensor --config x",
        "/opt/passerby/current/bin/python -IB -m edge.cli sensor",
    ],
)
def test_a_sensor_that_runs(tmp_path: Path, command: str, seccomp: str, size: str, verdict: str, words: str) -> None:
    process(tmp_path, command, seccomp, size)
    (finding,) = sandbox.check_running(tmp_path)
    assert (finding.verdict, words in finding.found) == (verdict, True), finding


@pytest.mark.parametrize("command", ["vim sensor", "/venv/bin/python -m edge.cli publisher", "/bin/cat passerby"])
def test_what_is_no_sensor_is_left_alone(tmp_path: Path, command: str) -> None:
    process(tmp_path, command, "0")
    assert [finding.found for finding in sandbox.check_running(tmp_path)] == ["no sensor runs now"]


def test_vendors_libraries_are_kept_quiet() -> None:
    found = list(telemetry.check_telemetry())
    assert found
    assert set(verdicts(found)) == {"pass"}, found


@pytest.mark.process
def test_a_real_locked_process_passes_as_a_sensor() -> None:
    """The columns of proc(5) are read right: of a process that locked itself and is called like a sensor."""
    program = (
        "import sys, os; from edge.sensor.lock.walls import lock_sensor; lock_sensor();"
        "print(os.getpid(), flush=True); sys.stdin.read()"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", program, "passerby", "sensor"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert started.stdout is not None
    number = started.stdout.readline().decode().strip()
    missing = list(sandbox._missing_walls(Path("/proc") / number))
    started.communicate()
    assert missing == []
