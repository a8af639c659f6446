"""A booted Debian with a real systemd, in namespaces of this kernel; what a test does in it goes through `run`."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.places import ROOT

HERE = Path(__file__).parent
TREE = Path("/sys/fs/cgroup")


class Machine:
    """One overlay over a root file system, which may be booted again and again."""

    def __init__(self, root: Path, overlay: Path, binds: Mapping[Path, str]) -> None:
        self._root, self._overlay = root, overlay
        self._binds = [f"{outside}={inside}" for outside, inside in binds.items()]
        unified = TREE / "unified"
        self._cgroup = (unified if unified.is_dir() else TREE) / f"passerby-{secrets.token_hex(4)}"
        self._unshare: subprocess.Popen[bytes] | None = None
        self._log = overlay / "console.log"

    def boot(self) -> None:
        """Start it and wait until systemd has started what it starts."""
        self._overlay.mkdir(exist_ok=True)
        command = [str(HERE / "boot.sh"), str(self._root), str(self._overlay), str(self._cgroup), *self._binds]
        with self._log.open("ab") as log:
            self._unshare = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        within(30, self._booted, "systemd to start")

    def cut_power(self) -> None:
        """End it at once, as a pulled plug does to programs (what they wrote is with the host's kernel)."""
        if self._unshare is not None:
            self._unshare.kill()
            self._unshare.wait()
            self._unshare = None
        within(10, self._cgroups_gone, "its processes to end")

    def shut_down(self) -> None:
        """An orderly end: every service is stopped."""
        assert self._unshare is not None
        self.run("systemctl", "poweroff", "--no-wall", check=False)
        self._unshare.wait(60)
        self.cut_power()

    def run(self, *command: str, check: bool = True, timeout_s: float = 900, **environment: str) -> str:
        """Run a command in it as root; its stdout. Raises AssertionError with what it said where it failed."""
        done = self.start(*command, **environment)
        said, complained = done.communicate(timeout=timeout_s)
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.returncode}\n{said}{complained}"
        return said

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """As `run`, but does not wait."""
        enter = ["nsenter", "-t", str(self.init), "-m", "-p", "-u", "-i", "-n", "-C", "--root", "--wd"]
        variables = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **environment}
        words = [f"{name}={value}" for name, value in variables.items()]
        return subprocess.Popen(
            [*enter, "env", "-i", *words, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def init(self) -> int:
        """Process id of its systemd, here."""
        assert self._unshare is not None
        pid = self._unshare.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(child)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, unit: str) -> str:
        """What a unit has said since the boot."""
        return self.run("journalctl", "--boot", "--no-pager", "--output=short-precise", "--unit", unit)

    def path(self, inside: str) -> Path:
        """A path of the machine, from here."""
        return Path(f"/proc/{self.init}/root{inside}")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Make a file in it, of root's."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def _booted(self) -> bool:
        with contextlib.suppress(ValueError, OSError):
            state = self.run("systemctl", "is-system-running", check=False).strip()
            return state in ("running", "degraded")
        return False

    def _cgroups_gone(self) -> bool:
        if not self._cgroup.is_dir():
            return True
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        return not self._cgroup.is_dir()


def within(seconds: float, condition: Callable[[], object], what: str, every_s: float = 0.1) -> float:
    """Wait until a condition holds; how long it took. Raises AssertionError when time ran out first."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"waited {seconds:g} s in vain for {what}"
        time.sleep(every_s)
    return time.monotonic() - begun


def make_root(suite: str, architecture: str, packages: Sequence[str]) -> Path:
    """A cached root file system; see .ci/rootfs. Raises AssertionError with its complaint."""
    script = ROOT / ".ci" / "rootfs"
    done = subprocess.run([str(script), suite, architecture, *packages], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())
