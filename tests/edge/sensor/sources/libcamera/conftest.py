"""The real picamera2 and libcamera of Debian trixie, with libcamera's virtual camera that plays portraits.

What it needs is made once in PASSERBY_CACHE (else ~/.cache/passerby): a root file system, and picamera2 with what it
imports for trixie's Python 3.13.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest

from conversion.environments.cache import cache_folder
from conversion.environments.interpreters import find_interpreter
from edge.errors import BackendUnavailable
from tests.conftest import need_program, unavailable
from tests.pictures.portraits import portrait_of_astronaut
from tests.places import ROOT

HERE = Path(__file__).parent
PACKAGES = (
    "python3-libcamera", "libcamera-ipa", "python3-prctl", "python3-numpy", "python3-gi", "gir1.2-gst-plugins-base-1.0",
    "gir1.2-gstreamer-1.0", "gstreamer1.0-plugins-base",
)  # fmt: skip
"""gir1.2-gst-plugins-base-1.0 wants the virtual package gir1.2-gst-1.0, which debootstrap does not look up."""
PORTRAIT_AT = (300, 100)
"""Where the portrait's left upper corner lies in the played pictures of 1280x960 px."""

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def root() -> Path:
    """A Debian trixie with libcamera."""
    if os.geteuid() != 0:
        unavailable("a root file system needs root")
    if os.uname().machine != "x86_64":
        unavailable("the root file system is for x86-64")
    for program in ("unshare", "debootstrap"):
        need_program(program)
    made = subprocess.run(
        [str(ROOT / ".ci" / "rootfs"), "trixie", "amd64", *PACKAGES], stdout=subprocess.PIPE, text=True
    )
    if made.returncode:
        unavailable("the root file system cannot be made (see above)")
    return Path(made.stdout.strip())


@pytest.fixture(scope="session")
def site() -> Path:
    """A folder of packages for trixie's Python."""
    requirements = HERE / "requirements.txt"
    name = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = cache_folder("picamera") / name
    if not folder.is_dir():
        try:
            python, _ = find_interpreter("picamera2", ("3.13",))
        except BackendUnavailable as reason:
            unavailable(str(reason))
            raise
        building = folder.with_name(f"{name}.building")
        shutil.rmtree(building, ignore_errors=True)
        words = ["install", "--quiet", "--no-deps", "--target", str(building), "--requirement", str(requirements)]
        done = subprocess.run([str(python), "-m", "pip", *words], capture_output=True, text=True)
        if done.returncode:
            unavailable(f"picamera2 cannot be installed: {done.stderr.strip()[-300:]}")
        building.rename(folder)
    return folder


@pytest.fixture(scope="session")
def lab() -> Iterator[Path]:
    """The library that stands in for DMA buffers, the camera's description and the pictures that it plays."""
    with TemporaryDirectory(prefix="passerby-camera-", dir="/var/tmp") as name:
        folder = Path(name)
        for part in ("frames", "virtual", "library"):
            (folder / part).mkdir()
        library = folder / "library" / "buffers.so"
        words = ["-O1", "-Wall", "-shared", "-fPIC", "-o", str(library), str(HERE / "buffers.c"), "-ldl"]
        subprocess.run([need_program("cc"), *words], check=True)
        shutil.copyfile(HERE / "virtual.yaml", folder / "virtual" / "virtual.yaml")
        x, y = PORTRAIT_AT
        picture = np.full((960, 1280, 3), 90, np.uint8)
        picture[y : y + 512, x : x + 512] = portrait_of_astronaut()
        for number in range(2):
            cv2.imwrite(str(folder / "frames" / f"{number}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        yield folder


@pytest.fixture
def inside(root: Path, site: Path, lab: Path, shared: Path) -> Run:
    """Runs a script of the folder `inside` there with words; one dict a line."""

    def run(script: str, *words: str) -> list[dict[str, Any]]:
        binds = {
            ROOT: "/srv/passerby",
            site: "/srv/site",
            shared: "/srv/shared",
            lab / "frames": "/srv/frames",
            lab / "library": "/srv/library",
            lab / "virtual": "/usr/share/libcamera/pipeline/virtual",
        }
        folder = f"/srv/passerby/{HERE.relative_to(ROOT)}/inside"
        variables = (
            f"PYTHONPATH={folder}:/srv/passerby:/srv/site",
            "LD_PRELOAD=/srv/library/buffers.so",
            "PYTHONDONTWRITEBYTECODE=1",
        )
        python = ("timeout", "90", "python3", f"{folder}/{script}", *words)
        with TemporaryDirectory(prefix="passerby-overlay-", dir="/var/tmp") as overlay:
            mounts = (f"{out}={into}" for out, into in binds.items())
            command = [str(ROOT / "tests" / "chroot.sh"), str(root), overlay, *mounts, "--", *variables, *python]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        lines = done.stdout.splitlines()
        assert done.returncode == 0 and lines[-1] == "closed", done.stderr[-3000:]
        return [json.loads(line) for line in lines[:-1]]

    return run


@pytest.fixture
def play(inside: Run) -> Run:
    """Runs the picamera source on so many frames, with these settings of the camera."""

    def run(count: int, **camera: object) -> list[dict[str, Any]]:
        return inside("camera.py", str(count), json.dumps({"width_px": 1280, "height_px": 960, "fps": 30, **camera}))

    return run
