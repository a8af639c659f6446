"""Camera and accelerators: whether they are there, may be opened by this user, and have what they need."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.clock import boottime
from edge.doctor.findings import Finding, bad, doubtful, good
from edge.errors import BadInput, SourceUnavailable
from edge.sensor.sources.address import SourceKind, classify, shown
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.path_kind import kind_of_source
from edge.settings.settings import Settings

ROOT = Path("/")
_QUERYCAP = 0x80685600
"""VIDIOC_QUERYCAP (linux/videodev2.h): `struct v4l2_capability`, 104 bytes; device_caps at 88."""
_VIDEO_CAPTURE, _VIDEO_CAPTURE_MPLANE = 0x1, 0x1000
_ANSWER_S = 30.0
_LOOK_S = 2.0


class UsbId(NamedTuple):
    """One of the names under which an accelerator appears on USB."""

    vendor: str
    product: str
    what: str


USB_IDS = {
    "ncs2": (UsbId("03e7", "2485", "waiting"), UsbId("03e7", "f63b", "started")),
    "coral:usb": (UsbId("1a6e", "089a", "waiting"), UsbId("18d1", "9302", "started")),
}


def check_camera(settings: Settings) -> Finding:
    """Whether the source of the settings is there and may be opened."""
    address = settings.camera.source
    kind = kind_of_source(address)
    if kind is SourceKind.V4L2:
        return check_v4l2(Path(f"/dev/video{int(address)}" if address.isdecimal() else address))
    if kind is SourceKind.PICAMERA:
        if importlib.util.find_spec("picamera2") and importlib.util.find_spec("libcamera"):
            return good("camera", "picamera2 and libcamera are installed")
        return bad(
            "camera",
            "picamera2 or libcamera is not installed",
            "apt install python3-picamera2, venv with --system-site-packages",
        )
    if kind is SourceKind.CSI:
        from edge.sensor.sources.csi import opencv_has_gstreamer

        if opencv_has_gstreamer() or importlib.util.find_spec("gi"):
            return good("camera", f"{address}: through {'OpenCV' if opencv_has_gstreamer() else 'PyGObject'}")
        return bad(
            "camera", f"{address}: no GStreamer for Python", "apt install python3-gi gir1.2-gst-plugins-base-1.0"
        )
    if classify(address).is_path or kind.is_path:
        there = Path(address).exists()
        return (
            good("camera", f"{address}: a recording")
            if there
            else bad("camera", f"{address}: no such file", "correct camera.source")
        )
    if kind is SourceKind.STREAM and settings.camera.allow_network_source:
        return check_stream(settings)
    return good("camera", shown(address))


def check_stream(settings: Settings, look_s: float = _LOOK_S) -> Finding:
    """Whether a camera over the network gives pictures, and others than the same again and again."""
    where, pictures, different = shown(settings.camera.source), 0, 0
    try:
        with closing(open_source(settings.camera.source, settings.camera)) as source:
            if not source.live:
                return good("camera", f"{where}: a recording")
            until, first = boottime() + look_s, source.read()
            while boottime() < until and (frame := source.read()) is not None and first is not None:
                pictures += 1
                different += not np.array_equal(frame.image, first.image)
    except (SourceUnavailable, BadInput) as error:
        return bad("camera", str(error), "is it on, and are address and password right? see its own page")
    if pictures and not different:
        found = f"{where}: {pictures + 1} pictures in {look_s:g} s, all of them the same"
        return doubtful("camera", found, "where something moves before it, it hangs: start it again")
    return good("camera", f"{where}: {pictures + 1} pictures in {look_s:g} s")


def check_v4l2(path: Path) -> Finding:
    """Whether a V4L2 device is there, may be opened, and takes pictures."""
    if not path.exists():
        present = ", ".join(str(device) for device in sorted(Path("/dev").glob("video*"))) or "no camera"
        return bad("camera", f"{path} is not there; this machine has {present}", "plug it in, or correct camera.source")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        do = (
            "sudo usermod -aG video $USER, and log in again"
            if isinstance(error, PermissionError)
            else "plug it in again"
        )
        return bad("camera", f"{path}: {error.strerror}", do)
    try:
        answer = fcntl.ioctl(descriptor, _QUERYCAP, bytes(104))
    except OSError:
        return bad("camera", f"{path} is not a camera", "correct camera.source")
    finally:
        os.close(descriptor)
    if not int.from_bytes(answer[88:92], sys.byteorder) & (_VIDEO_CAPTURE | _VIDEO_CAPTURE_MPLANE):
        return bad("camera", f"{path} takes no pictures", "take another /dev/video; v4l2-ctl --list-devices")
    return good("camera", f"{path}: {answer[16:48].rstrip(bytes(1)).decode('utf-8', 'replace')}")


def check_accelerators(settings: Settings, root: Path = ROOT) -> Iterator[Finding]:
    """Those among the targets, and those that are plugged in and not used."""
    targets = settings.models.targets
    for target in (*USB_IDS, "coral:pci"):
        there = _nodes(target, root)
        if target in targets:
            yield _check_device(target, there)
            yield _check_library(target, settings)
        elif there:
            yield doubtful(
                "accelerators", f"{target} is plugged in and not used", f"add it to models.targets: {target} first"
            )
    if not any(target == "ncs2" or target.startswith("coral") for target in targets):
        yield good("accelerators", "none among models.targets")


def _nodes(target: str, root: Path) -> list[tuple[Path, str]]:
    """Device nodes of an accelerator, and how it appears there."""
    if target == "coral:pci":
        return [(node, "PCI Express") for node in sorted((root / "dev").glob("apex_*"))]
    found = []
    for device in sorted((root / "sys/bus/usb/devices").glob("*")):
        words = [_word(device / name) for name in ("idVendor", "idProduct", "busnum", "devnum")]
        for known in USB_IDS[target]:
            if words[:2] == [known.vendor, known.product]:
                found.append((root / f"dev/bus/usb/{int(words[2]):03}/{int(words[3]):03}", known.what))
    return found


def _check_device(target: str, there: list[tuple[Path, str]]) -> Finding:
    if not there:
        return bad("accelerators", f"{target}: no device", "plug it in; another target stands in meanwhile")
    node, state = there[0]
    if not os.access(node, os.R_OK | os.W_OK):
        return bad(
            "accelerators",
            f"{target}: {node} may not be opened by this user",
            "install the udev rules, and plug it in again",
        )
    return good("accelerators", f"{target}: {node} ({state})")


def _check_library(target: str, settings: Settings) -> Finding:
    """In a process of its own: a wrong library may end it."""
    if target == "ncs2":
        python, wants = settings.accelerators.ncs2_python, "OpenVINO 2022.3 or 2021.4"
        program = "import openvino; print(getattr(openvino, '__version__', 'found'))"
        do = f"let accelerators.ncs2_python name an interpreter with {wants}"
    else:
        python, wants = sys.executable, settings.accelerators.coral_library
        program = f"import ai_edge_litert, ctypes; ctypes.CDLL({wants!r}).tflite_plugin_create_delegate; print('found')"
        do = "install passerby[tflite] and a libedgetpu for today's LiteRT"
    ours = ("PYTHON", "VIRTUAL_ENV") if target == "ncs2" else ()  # its interpreter is another one
    variables = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    try:
        done = subprocess.run([python, "-c", program], env=variables, capture_output=True, text=True, timeout=_ANSWER_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return bad("accelerators", f"{target}: {python}: {error}", do)
    if done.returncode == 0:
        return good("accelerators", f"{target}: {wants} {done.stdout.strip()}")
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return bad("accelerators", f"{target}: {wants}: {last[:200]}", do)


def _word(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
