"""A whole virtual machine with Debian's own kernel, for what namespaces cannot show: devices and limits of resources.

Passerby is installed into its disk by install.sh beforehand; then the machine boots, plays `inside.py` and switches
itself off. There is no KVM in it (TCG): slow, and the same everywhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_program, unavailable
from tests.places import ROOT
from tests.systemd.machine import make_root
from tests.systemd.wheels import all_wheels

HERE = Path(__file__).parent
CHROOT = ROOT / "tests" / "chroot.sh"
PACKAGES = (
    "systemd", "systemd-sysv", "udev", "dbus", "python3", "python3-venv", "libseccomp2", "mosquitto",
    "mosquitto-clients", "kmod", "procps", "iproute2", "initramfs-tools", "linux-image-amd64", "usbutils",
)  # fmt: skip
PATIENCE_S = 1700
SETTINGS = """\
[identity]
site = "lab"
device = "lab-1"
[camera]
source = "/dev/video0"
width_px = 320
height_px = 180
fps = 5
max_frame_age_s = 5.0
reopen_max_s = 1.0
[broker]
url = "mqtt://127.0.0.1:1883"
[publish]
health_interval_s = 1.0
"""
SLOW = "[Service]\nWatchdogSec=60s\nTimeoutStartSec=300s\n"
"""An imitated processor needs longer than the device that the unit was made for."""
TRIAL = """\
[Unit]
After=multi-user.target passerby.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c 'mkdir -p /srv/lab && mount -t 9p -o trans=virtio,version=9p2000.L,ro lab /srv/lab && \\
  exec python3 /srv/lab/inside.py'
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS0
"""


@pytest.fixture(scope="session")
def told(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `inside.py` told, by step."""
    if os.geteuid() != 0:
        unavailable("making a disk needs root")
    if os.uname().machine != "x86_64":
        unavailable("the virtual machine is an x86-64 one")
    for program in ("unshare", "debootstrap", "qemu-system-x86_64", "mkfs.ext4"):
        need_program(program)
    wheels = all_wheels(tmp_path_factory.mktemp("vm") / "wheels", python="3.13", machine="x86_64", extras="openvino")
    with tempfile.TemporaryDirectory(prefix="passerby-vm-", dir="/var/tmp") as name:
        folder = Path(name)
        root = make_root("trixie", "amd64", PACKAGES)
        _install(
            root, folder / "overlay", {ROOT / "systemd": "/srv/systemd", wheels: "/srv/wheels", shared: "/srv/shared"}
        )
        _make_disk(root, folder / "overlay", folder / "disk.img")
        lab = folder / "lab"
        lab.mkdir()
        for file in (HERE / "inside.py", ROOT / "tests" / "systemd" / "probe.py"):
            shutil.copy(file, lab)
        yield _boot(root, folder)


def _install(root: Path, overlay: Path, binds: dict[Path, str]) -> None:
    files = {
        "etc/passerby/passerby.toml": SETTINGS,
        "etc/systemd/system/passerby-sensor.service.d/90-slow.conf": SLOW,
        "etc/systemd/system/passerby-publisher.service.d/90-slow.conf": SLOW,
        "etc/fstab": "",
    }
    for path, text in files.items():
        file = overlay / "upper" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    pairs = [f"{outside}={inside}" for outside, inside in binds.items()]
    words = ["/srv/systemd/install.sh", "--wheels", "/srv/wheels", "--models", "/srv/shared/models"]
    done = subprocess.run([str(CHROOT), str(root), str(overlay), *pairs, "--", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def _make_disk(root: Path, overlay: Path, disk: Path) -> None:
    mount = 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged"'
    program = f'{mount} && mkfs.ext4 -q -F -d "$2/merged" "$3" 4G'
    command = ["unshare", "--mount", "bash", "-euc", program, "disk", str(root), str(overlay), str(disk)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def _boot(root: Path, folder: Path) -> dict[str, Any]:
    trial, console, results = folder / "trial", folder / "console", folder / "results"
    trial.write_text(TRIAL)
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2048", "-smp", "2",
        "-nodefaults", "-display", "none", "-nic", "none",
        "-kernel", str(next(root.glob("boot/vmlinuz-*"))), "-initrd", str(next(root.glob("boot/initrd.img-*"))),
        "-append", "root=/dev/vda rw console=ttyS0 systemd.wants=t.service",
        "-drive", f"file={folder}/disk.img,format=raw,if=virtio",
        "-virtfs", f"local,path={folder}/lab,mount_tag=lab,security_model=none,readonly=on",
        "-fw_cfg", f"name=opt/io.systemd.credentials/systemd.extra-unit.t.service,file={trial}",
        "-serial", f"file:{console}", "-serial", f"file:{results}",
    ]  # fmt: skip
    try:
        subprocess.run(command, timeout=PATIENCE_S, check=True)
    except subprocess.TimeoutExpired:
        print(f"still running after {PATIENCE_S} s")
    print(console.read_text(errors="replace")[-6000:])
    print(results.read_text())
    lines = [json.loads(line) for line in results.read_text().splitlines() if line.startswith("{")]
    return {line.pop("step"): line for line in lines}
