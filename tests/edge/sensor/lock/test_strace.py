"""What the kernel saw of a small sensor, through strace; and that the reader of its log can tell."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import need_program
from tests.places import ROOT
from tests.processes.strace_log import Process, read_lines, read_log, trace

pytestmark = [pytest.mark.privacy, pytest.mark.process, pytest.mark.strace]

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
IP = ("AF_INET", "AF_INET6")
CLIPS = ("two-faces-768x432.h264", "walking-480x270.gif", "no-faces-768x432.mp4")

LOG = """\
100 execve("/usr/bin/python3", ["python3", "x.py"], 0x7ffe /* 20 vars */) = 0
100 openat(AT_FDCWD</home/me>, "notes", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 3</home/me/notes>
100 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, child_tid=0x7f}, 88) = 101
101 openat(AT_FDCWD</home/me>, "/etc/resolv.conf", O_RDONLY|O_CLOEXEC) = 4</etc/resolv.conf>
101 socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP <unfinished ...>
100 openat(AT_FDCWD</home/me>, "missing", O_RDWR) = -1 ENOENT (No such file or directory)
101 <... socket resumed>)                   = 5<UDP:[1]>
101 connect(5<UDP:[1]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("9.9.9.9")}, 16) = 0
103 mkdir("/tmp/early", 0777)               = 0
100 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 103
100 seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, {len=9, filter=0x1}) = 0
101 openat(3</tmp>, "leak", O_WRONLY) = -1 EPERM (Operation not permitted)
101 openat(3</tmp>, "leak2", O_RDWR) = 6</tmp/leak2>
100 connect(7<UNIX:[9]>, {sa_family=AF_UNIX, sun_path="/run/passerby/link"}, 21) = 0
100 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 104
104 unlink("/tmp/leak2")                    = 0
100 +++ exited with 0 +++
"""


def test_the_reader_tells_processes_threads_and_the_lock_apart() -> None:
    first, early, late = read_lines(LOG.splitlines())

    assert first.program == "python3 x.py"
    assert first.paths("write", locked=False) == {"/home/me/notes"}
    assert first.paths("write", locked=True) == {"/tmp/leak2"}
    assert first.seen("write", done=False) == ["openat /home/me/missing", "openat /tmp/leak"]
    assert first.seen("socket") == ["socket AF_INET"]
    assert first.seen("lookup") == ["openat /etc/resolv.conf", "connect 9.9.9.9:53"]
    assert first.paths("connect", locked=True) == {"/run/passerby/link"}
    assert (early.pid, early.locked, early.paths("change")) == (103, False, {"/tmp/early"})
    assert (late.pid, late.locked, late.paths("change", locked=True)) == (104, True, {"/tmp/leak2"})


def _traced(tmp_path: Path, *command: str) -> tuple[str, list[Process]]:
    need_program("strace")
    log = tmp_path / "strace.log"
    done = trace([sys.executable, *command], log, environment=ENVIRONMENT, timeout_s=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, read_log(log)


def test_strace_sees_what_an_unlocked_process_does(tmp_path: Path) -> None:
    code = (
        "import socket, threading\n"
        f"threading.Thread(target=lambda: open({str(tmp_path / 'leak')!r}, 'w')).start()\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 53))\n"
    )
    _, (process,) = _traced(tmp_path, "-c", code)

    assert process.paths("write") == {str(tmp_path / "leak")}
    assert process.seen("socket") == ["socket AF_INET"]
    assert process.seen("lookup") == ["connect 127.0.0.1:53"]
    assert not process.locked


@pytest.mark.shared
@pytest.mark.parametrize("clip", CLIPS)
def test_a_sensor_of_openvino_and_opencv_sees_behind_the_lock_and_leaves_nothing(
    shared: Path, tmp_path: Path, clip: str
) -> None:
    network = shared / "models" / "yunet" / "face_detection_yunet_2023mar.onnx"
    folder = tmp_path / "leaks"
    folder.mkdir()

    said, processes = _traced(
        tmp_path, str(HERE / "seeing.py"), str(shared / "video" / clip), str(network), str(folder)
    )
    result = json.loads(said)
    (sensor,) = processes

    assert result["frames"] > 30
    assert result["with_face"] > 200 or clip != CLIPS[0]
    assert set(result["leak"].values()) <= {"False", "PermissionError", "cv2.error"}, result["leak"]
    assert list(folder.iterdir()) == []
    assert sensor.locked
    assert sensor.seen("write", "change", locked=True) == []
    assert len(sensor.seen("write", locked=True, done=False)) >= 4
    assert not {family for family in sensor.paths("socket") if family in IP}
    assert sensor.seen("socket", locked=True, done=False) == ["socket AF_INET"]
    assert sensor.seen("lookup") == []
    assert sensor.paths("write", locked=False) <= {"/dev/null"}
