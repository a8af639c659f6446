"""What the publisher is as a process: what it imports, what it refuses, what it tells systemd."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import AlreadyRunning, ConfigError
from edge.machine.clock_sync import clock_synced
from edge.machine.notify import Notifier
from edge.publisher.outbox.folder_lock import FolderLock
from edge.publisher.publisher import run_publisher
from edge.settings import settings as config
from tests.places import ROOT

pytestmark = pytest.mark.privacy


@pytest.mark.process
def test_the_part_that_speaks_cannot_see() -> None:
    script = (
        "import sys, edge.publisher.publisher, edge.settings.settings_file\n"
        "eyes = {'numpy', 'cv2', 'openvino', 'onnxruntime', 'ai_edge_litert', 'tflite_runtime', 'PIL', 'picamera2',\n"
        "        'edge.sensor.types', 'edge.sensor.imaging', 'edge.sensor.ports', 'edge.sensor.pipeline'}\n"
        "found = sorted(eyes & set(sys.modules))\n"
        "sys.exit(f'imports {found}' if found else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_aggregate_is_refused_clearly_until_it_is_made(tmp_path: Path) -> None:
    settings = config.Settings(publish=config.Publish(events=("visit", "aggregate")))
    with pytest.raises(ConfigError, match=r"publish\.events: aggregate events are not made yet"):
        run_publisher(settings, tmp_path, model_set="best@1.0.0")
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_address_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    settings = config.Settings(broker=config.Broker(url="127.0.0.1:1883"))
    with pytest.raises(ConfigError, match=r"broker\.url"):
        run_publisher(settings, tmp_path / "state", model_set="best@1.0.0")
    assert not (tmp_path / "state").exists()


def test_the_second_on_a_folder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"):
        FolderLock(tmp_path)
    FolderLock(tmp_path).close()


@pytest.mark.process
def test_a_full_disk_does_not_keep_the_lock_from_being_taken(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from edge.publisher.outbox.folder_lock import FolderLock\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # what a write then meets is what a full disk gives\n"
        "FolderLock(Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_holders_pid_takes_the_place_of_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / "publisher.lock").write_text("1234567890123\n")
    with FolderLock(tmp_path), pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}\)"):
        FolderLock(tmp_path)


def test_a_state_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be used as state folder \(Not a directory\)"):
        FolderLock(tmp_path / "file" / "state")


@pytest.mark.process
def test_systemd_hears_ready_watchdog_and_stopping(tmp_path: Path) -> None:
    toml = tmp_path / "passerby.toml"
    toml.write_text('[broker]\nurl = "mqtt://127.0.0.1:1"\n')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        service = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.publisher", str(tmp_path / "state"), str(toml)],
            cwd=ROOT,
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"},
            stderr=subprocess.DEVNULL,
        )
        assert [manager.recv(100) for _ in range(4)] == [b"READY=1", *[b"WATCHDOG=1"] * 3]
        service.terminate()
        while (said := manager.recv(100)) != b"STOPPING=1":
            assert said == b"WATCHDOG=1"
        assert service.wait(20) == 0


def test_nobody_is_told_where_no_manager_listens() -> None:
    quiet = Notifier({})
    quiet.ready()
    assert quiet.watchdog_s is None
    assert Notifier({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "30000000"}).watchdog_s == 15.0
    Notifier({"NOTIFY_SOCKET": "/nowhere"}).ready()


def test_whether_the_clock_is_kept_is_a_yes_or_a_no_and_sets_nothing(tmp_path: Path) -> None:
    assert clock_synced(tmp_path / "none") in (True, False)


def test_the_watchdog_waits_longer_while_a_library_may_block(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"})
        with notifier.patience(20.0):
            assert manager.recv(100) == b"WATCHDOG_USEC=20000000"
        assert manager.recv(100) == b"WATCHDOG_USEC=4000000\nWATCHDOG=1"
