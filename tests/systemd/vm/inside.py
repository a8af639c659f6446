"""Plays in the virtual machine, as root, with Debian's Python: a camera that comes and goes, a stick, walls, limits.

Prints a line of JSON a step. The camera is the kernel's vivid, the stick a gadget of the kernel's dummy_hcd.
"""

from __future__ import annotations

import grp
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VIVID = Path("/sys/bus/platform/drivers/vivid")
GADGET = Path("/sys/kernel/config/usb_gadget/stick")
CORAL = ("0x1a6e", "0x089a")
GROUP = Path("/sys/fs/cgroup/system.slice/passerby-sensor.service")
LIMITS = ("cpu.max", "memory.max", "memory.swap.max", "pids.max")
LOG = Path("/run/events.log")
PATIENCE_S = 400.0
"""A processor that is imitated, on a machine that others use too."""


def run(*words: str, check: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{words}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


def tell(step: str, **found: object) -> None:
    print(json.dumps({"step": step, **found}), flush=True)


def healths() -> list[dict[str, Any]]:
    """What health said of the sensor, oldest first."""
    told = [json.loads(line.partition(" ")[2]) for line in LOG.read_text().splitlines() if "/health {" in line]
    return [health["sensor"] for health in told if health["sensor"]]


def within(seconds: float, condition: Callable[[], object]) -> float:
    """How long it took, or -1 for too long."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if condition():
            return round(time.monotonic() - begun, 1)
        time.sleep(0.3)
    return -1.0


def state() -> str:
    """The sensor's, as health said last; `seeing` once it has looked at frames."""
    told = healths()
    if not told:
        return ""
    return "seeing" if told[-1]["state"] == "running" and told[-1]["frames"] > 0 else str(told[-1]["state"])


def camera() -> None:
    """Without a camera, with one, without it, with it again."""
    tell("no camera", took_s=within(PATIENCE_S, lambda: state() == "camera_lost"))
    run("modprobe", "vivid", "n_devs=1", "node_types=0x1")
    tell("plugged in", took_s=within(PATIENCE_S, lambda: state() == "seeing"))
    (device,) = [path.name for path in VIVID.glob("vivid.*")]
    for step, file, wanted in (("unplugged", "unbind", "camera_lost"), ("plugged in again", "bind", "seeing")):
        (VIVID / file).write_text(device)
        tell(
            step,
            took_s=within(PATIENCE_S, lambda wanted=wanted: state() == wanted),
            device=Path("/dev/video0").exists(),
        )


def limits() -> None:
    """What the kernel holds the sensor to."""
    tell("limits", **{name: (GROUP / name).read_text().strip() for name in LIMITS})


def walls() -> None:
    """What a program in the sensor's unit can open under /dev."""
    text = Path("/etc/systemd/system/passerby-sensor.service").read_text()
    text = re.sub(r"^ExecStart=.*$", "ExecStart=/usr/bin/python3 -IB /usr/local/lib/probe.py", text, flags=re.MULTILINE)
    text = re.sub(r"^(Type|Restart|WatchdogSec|TimeoutStartSec|PartOf|Wants|After)=.*$", "", text, flags=re.MULTILINE)
    Path("/usr/local/lib/probe.py").write_bytes(Path("/srv/lab/probe.py").read_bytes())
    Path("/etc/systemd/system/probe.service").write_text(text.replace("[Service]", "[Service]\nType=oneshot"))
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "probe", check=False)
    said = run("journalctl", "--no-pager", "--output=cat", "--unit", "probe")
    found = json.loads([line for line in said.splitlines() if line.startswith("{")][-1])
    tell(
        "walls",
        devices=found["devices"],
        writable=found["writable"],
        there=sorted(path.name for path in Path("/dev").iterdir()),
    )


def stick() -> None:
    """A stick with the Coral's ids: whose it becomes, and what doctor says."""
    run("modprobe", "dummy_hcd")
    run("modprobe", "libcomposite")
    run("modprobe", "usb_f_ss_lb")
    if not GADGET.parent.is_dir():
        run("mount", "-t", "configfs", "none", "/sys/kernel/config")
    GADGET.mkdir()
    for name, word in zip(("idVendor", "idProduct"), CORAL, strict=True):
        (GADGET / name).write_text(word)
    (GADGET / "configs/c.1").mkdir()
    (GADGET / "functions/Loopback.0").mkdir()
    (GADGET / "configs/c.1/Loopback.0").symlink_to(GADGET / "functions/Loopback.0")
    (GADGET / "UDC").write_text(next(Path("/sys/class/udc").iterdir()).name)
    time.sleep(2)
    run("udevadm", "settle")
    for device in Path("/sys/bus/usb/devices").iterdir():
        if (device / "idVendor").exists() and (device / "idVendor").read_text().strip() == "1a6e":
            numbers = [int((device / name).read_text()) for name in ("busnum", "devnum")]
            node = Path(f"/dev/bus/usb/{numbers[0]:03}/{numbers[1]:03}").stat()
            tell("stick", group=grp.getgrgid(node.st_gid).gr_name, mode=oct(node.st_mode & 0o777))


def doctor() -> None:
    """All that it finds, while everything runs."""
    said = run("passerby", "doctor", "--config", "/etc/passerby/passerby.toml", "--json", check=False)
    tell("doctor", findings=json.loads(said)["findings"])


def main() -> None:
    LOG.touch()
    words = "while :; do mosquitto_sub -h 127.0.0.1 -v -t 'passerby/#' >> /run/events.log; sleep 1; done"
    listener = subprocess.Popen(["sh", "-c", words])
    for step in (camera, limits, walls, stick, doctor):
        try:
            step()
        except (
            RuntimeError,
            OSError,
            ValueError,
            LookupError,
        ) as error:  # the machine must come to its end, and the others be told
            tell(step.__name__, error=repr(error))
    sys.stderr.write(run("journalctl", "--no-pager", "--unit=passerby-sensor", "--lines=60"))
    listener.kill()


if __name__ == "__main__":
    main()
