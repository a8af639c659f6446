"""What the locked sensor can and cannot do, tried for real in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import unavailable
from tests.places import ROOT

pytestmark = [pytest.mark.privacy, pytest.mark.process, pytest.mark.xdist_group("lock")]

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
UNKNOWN_CALLS = {"memfd", "openat2", "io_uring", "setxattrat"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _attempts(folder: Path, *flags: str) -> dict[str, Any]:
    link = folder / "link"
    link.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(link))
        listener.listen()
        command = [sys.executable, str(HERE / "attempts.py"), str(folder), str(link), *flags]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def tried(folder: Path) -> dict[str, Any]:
    return _attempts(folder)


def test_every_wall_is_up(tried: dict[str, Any]) -> None:
    walls = {name: up for name, up in tried["report"].items() if name not in ("landlock", "network")}

    assert all(walls.values()), walls
    assert tried["report"]["network"] is False


def test_nothing_can_be_written(tried: dict[str, Any], folder: Path) -> None:
    expected = {name: "ENOSYS" if name in UNKNOWN_CALLS else "EPERM" for name in tried["writing"]}
    expected["write to an open file"] = "EFBIG"

    assert tried["writing"] == expected
    assert sorted(path.name for path in folder.iterdir()) == ["link", "old", "open"]
    assert (folder / "open").stat().st_size == 0
    assert (folder / "old").read_text() == "old"


def test_nobody_can_be_reached_and_nothing_started(tried: dict[str, Any]) -> None:
    expected = dict.fromkeys(tried["talking"], "EPERM") | {"look a name up": "no name"}

    assert tried["talking"] == expected


def test_the_walls_stay_up(tried: dict[str, Any]) -> None:
    assert set(tried["undoing"].values()) == {"EPERM"}, tried["undoing"]


def test_threads_that_ran_before_the_lock_are_behind_it_too(tried: dict[str, Any]) -> None:
    assert tried["older thread"] == {**tried["writing"], **tried["talking"]}


def test_what_the_sensor_needs_still_works(tried: dict[str, Any]) -> None:
    assert set(tried["needed"].values()) == {"done"}, tried["needed"]


def test_a_network_camera_opens_the_ip_wall_and_no_other(tried: dict[str, Any], folder: Path) -> None:
    opened = _attempts(folder, "--allow-network")

    assert opened["report"]["network"] is True
    assert _changed(tried["talking"], opened["talking"]) == {"socket of family 2", "socket of family 10"}
    assert _changed(tried["writing"], opened["writing"]) <= {"bind a Unix socket"}  # Landlock, if any, refuses it too
    assert _changed(tried["undoing"], opened["undoing"]) == set()


def _changed(closed: dict[str, str], opened: dict[str, str]) -> set[str]:
    return {name for name, outcome in opened.items() if outcome != closed[name]}


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


def test_a_process_that_talks_already_is_not_locked() -> None:
    done = _run(
        "import socket\n"
        "from edge.errors import LockUnavailable\n"
        "from edge.sensor.lock.walls import lock_sensor, open_ip_sockets\n"
        "end = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n"
        "assert open_ip_sockets() == (end.fileno(),)\n"
        "try:\n"
        "    lock_sensor()\n"
        "except LockUnavailable as error:\n"
        "    print(error)\n"
    )

    assert "open IP sockets" in done.stdout, done.stderr
    assert "expected none before the lock" in done.stdout


def test_a_system_without_libseccomp_is_told_which_package_to_install(tmp_path: Path) -> None:
    fake = tmp_path / "libseccomp.so.2"
    fake.write_bytes(b"not a library")
    code = (
        "from edge.errors import LockUnavailable\n"
        "from edge.sensor.lock.walls import lock_sensor\n"
        "try:\n"
        "    lock_sensor()\n"
        "except LockUnavailable as error:\n"
        "    print(error.exit_code, error)\n"
    )
    environment = {**ENVIRONMENT, "LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)

    assert done.stdout.startswith("3 "), done.stderr
    assert "apt-get install libseccomp2" in done.stdout
    assert done.stdout.count("\n") == 1


MACHINE_CODE = """
import ctypes, mmap
from edge.sensor.lock.walls import lock_sensor
lock_sensor()
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("{code}"))
function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
print("before", flush=True)
function()
print("after", flush=True)
"""


@pytest.mark.parametrize(
    "code",
    ["b814000000cd80c3", "b827000040" + "0f05c3"],
    ids=["int 0x80, getpid of 32-bit", "getpid of x32"],
)
def test_calls_through_another_machine_s_entry_end_the_process(code: str) -> None:
    if os.uname().machine != "x86_64":
        unavailable("x86-64 machine code")
    done = _run(MACHINE_CODE.format(code=code))

    assert done.stdout == "before\n"
    assert done.returncode == -signal.SIGSYS
