"""What a person got wrong is said in one line on stderr, with the right exit code, and nothing is left half-made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.pictures.clips import encode, write_clip
from tests.places import ROOT

pytestmark = pytest.mark.process

NOBODY = "mqtt://127.0.0.1:1"
RUN = ("run", "--quiet", "--drain-timeout", "0", "--broker", NOBODY)
BUSY = "cannot be reached (Connection refused); events stay in the outbox and it is tried again"
"""What a run says besides, since nobody listens there."""
MATERIAL = "PASSERBY_SHARED is set"
"""What a service says besides where the test material is set."""
ALONE = "no link to the publisher"
"""What a sensor says besides that was started without the other half."""


class Terminal:
    """Runs `passerby` in an empty folder with a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder / "here", folder / "state"
        self.folder.mkdir()
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("PASSERBY_")}
        self._environment |= {
            "PASSERBY_STATE": str(self.state),
            "PASSERBY_SHARED": os.environ.get("PASSERBY_SHARED", ""),
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *words: str | bytes, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "edge.cli", *words],
            cwd=self.folder,
            env=self._environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *words: str | bytes, **environment: str) -> tuple[int, str]:
        """Exit code and the one line that was said; nothing may be printed or written."""
        process = self.start(*words, **environment)
        printed, said = process.communicate(timeout=60)
        lines = [line for line in said.splitlines() if not any(usual in line for usual in (BUSY, ALONE, MATERIAL))]
        assert len(lines) == 1, said
        assert printed == ""
        assert lines[0].startswith("passerby: ")
        return process.returncode, lines[0].removeprefix("passerby: ")

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((*RUN, "--source", "none.mp4"), 2, "none.mp4: no such file"),
        ((*RUN, "--source", "ftp://example/clip"), 2, "ftp://example/clip: unknown kind of source, expected http, "),
        ((*RUN, "--source", ""), 2, "no source given, expected a camera, file, folder or network address"),
        ((*RUN, "--source", "rtsp://user:secret@example/a"), 2, "got rtsp://example/a, expected a camera or file"),
        ((*RUN, "--set", "camera.sourc=0"), 2, "unknown setting camera.sourc; did you mean camera.source?"),
        ((*RUN, "--set", "camera.fps=500"), 2, "camera.fps, got '500', expected number 0.1 to 240 frames/s"),
        ((*RUN, "--set", "camera.fps"), 2, "--set, got camera.fps, expected SECTION.KEY=VALUE"),
        ((*RUN, "--config", "none.toml"), 2, "none.toml: cannot be read (No such file or directory)"),
        ((*RUN, "--model-set", "bets"), 2, "unknown model set, got bets, expected best | "),
        ((*RUN, "--set", "publish.events=aggregate"), 2, "aggregate events are not made yet"),
        (("run", "--broker", "127.0.0.1:1883"), 2, "broker.url: malformed address"),
        (("run", "--broker", "mqtt://"), 2, "broker.url: malformed address, it has no usable host"),
        (("publisher", "--broker", "mqtts://user:secret@example"), 2, "got 'mqtts://***@example'"),
        (("sensor", "--source", "none.jpg"), 2, "none.jpg: no such file"),
        (("sensor", "--source", "none.jpg", "--link-user", "nobody-here"), 2, "no such user, got nobody-here"),
        (("publisher", "--broker", NOBODY, "--link-group", "none-here"), 2, "no such group, got none-here"),
        (("models", "ensure", "--from", ".", "--set", "models.set=bets"), 2, "unknown model set, got bets"),
        (("config", "check", "none.toml"), 2, "none.toml: cannot be read"),
        (("schema", "visit-2"), 2, "unknown schema, got visit-2, expected visit-1 | "),
        (("schema", "--write", "nowhere"), 2, "nowhere: cannot be written to (No such file or directory)"),
        (("models", "show", "yunet"), 2, "unknown model, got yunet, expected "),
        (("models", "import", "yunet-2023mar", "--from", "nowhere"), 2, "nowhere: not a folder"),
        (("models", "import", "yunet-2023mar", "--from", "."), 3, "missing face_detection_yunet_2023mar.onnx"),
        (("bench", "--source", "none.mp4"), 2, "none.mp4: no such file"),
        (("bench", "--source", "fake:2"), 2, "fake:2: too short to measure, got 2 frames"),
        (("bench", "--source", "7"), 3, "/dev/video7: no such camera"),
        (("analyze", "none.mp4"), 2, "none.mp4: no such file"),
        (("analyze", "7"), 3, "/dev/video7: no such camera"),
        (("analyze", ".", "--model-set", "bets"), 2, "unknown model set, got bets"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said_in_one_line(
    shared: Path, terminal: Terminal, words: tuple[str, ...], code: int, said: str
) -> None:
    ended, line = terminal.call(*words)
    assert said in line
    assert ended == code
    assert "secret" not in line
    assert terminal.files() == []


@pytest.fixture
def broken(terminal: Terminal) -> Terminal:
    """A folder of things that cannot be read."""
    folder = terminal.folder
    whole = write_clip(folder / "whole.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "text.mp4").write_text("not a video")
    (folder / "empty.h264").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(encode(".jpg")[:-200])
    (folder / "text.png").write_text("not a picture")
    (folder / "cut.tar").write_bytes(b"\0" * 100)
    (folder / "no-images").mkdir()
    (folder / "no-images" / "notes.txt").write_text("nothing to see")
    (folder / "wrong.toml").write_text("[camera\n")
    return terminal


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cut.mp4", "truncated"),
        ("text.mp4", "expected a video"),
        ("empty.h264", "expected a video"),
        ("cut.jpg", "truncated JPEG"),
        ("text.png", "not an image"),
        ("cut.tar", "tar"),
        ("no-images", "no image in this folder"),
    ],
)
@pytest.mark.parametrize("command", [RUN, ("analyze",)], ids=["run", "analyze"])
def test_a_source_that_cannot_be_read_ends_with_2(
    shared: Path, broken: Terminal, command: tuple[str, ...], name: str, said: str
) -> None:
    before = broken.files()
    words = (*command, "--source", name) if command is RUN else (*command, name)
    code, line = broken.call(*words)
    assert code == 2
    assert said in line
    assert name in line
    assert broken.files() == before


def test_a_toml_that_is_none_ends_with_2(broken: Terminal) -> None:
    code, line = broken.call("config", "check", "wrong.toml")
    assert code == 2
    assert line.startswith("wrong.toml: not valid TOML: ")


@pytest.mark.parametrize("command", [(*RUN, "--source"), ("analyze",), ("bench", "--source")], ids=lambda c: c[0])
def test_networks_that_are_not_there_end_with_3_and_the_command_that_gets_them(
    terminal: Terminal, tmp_path: Path, command: tuple[str, ...]
) -> None:
    empty = tmp_path / "models"
    empty.mkdir()
    nowhere = {"PASSERBY_SHARED": "/nonexistent", "PASSERBY_MODELS": str(empty)}
    code, line = terminal.call(*command, "fake:20", "--set", "models.set=best", **nowhere)
    assert code == 3
    assert line.startswith("yunet-2023mar: not installed, missing face_detection_yunet_2023mar.onnx; get it with ")
    assert "`passerby models fetch yunet-2023mar`" in line
    assert "`passerby models import yunet-2023mar --from FOLDER`" in line
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("state", ["/proc/nothing", "/dev/null/state"])
def test_a_state_folder_that_cannot_be_is_named(terminal: Terminal, state: str) -> None:
    code, line = terminal.call("publisher", "--drain", PASSERBY_STATE=state)
    assert code == 2
    assert line.startswith(f"{state}: cannot be used as state folder")
    assert line.endswith("set PASSERBY_STATE to a folder that this user may write")


@pytest.fixture
def running(shared: Path, terminal: Terminal) -> Iterator[subprocess.Popen[str]]:
    """A run that waits for a camera which is not there."""
    process = terminal.start(*RUN, "--source", "7")
    yield process
    process.kill()
    process.communicate()


def test_a_run_waits_for_its_camera_reports_it_once_and_ends_when_asked(running: subprocess.Popen[str]) -> None:
    assert running.stderr is not None
    camera = next(line for line in running.stderr if BUSY not in line)
    assert "/dev/video7: no such camera" in camera
    assert "trying again until it is there" in camera
    running.send_signal(signal.SIGTERM)
    _, rest = running.communicate(timeout=60)
    assert running.returncode == 0
    assert [line for line in rest.splitlines() if BUSY not in line] == []


def test_a_file_name_that_is_no_utf8_is_shown_and_breaks_nothing(shared: Path, terminal: Terminal) -> None:
    code, line = terminal.call("analyze", b"M\xfcller.png")
    assert code == 2
    assert "ller.png: no such file" in line


def test_what_the_file_system_refuses_is_one_line(shared: Path, terminal: Terminal) -> None:
    (terminal.folder / "long").mkdir()
    code, line = terminal.call("models", "import", "yunet-2023mar", "--from", "x" * 300)
    assert (code, "cannot be read or written (File name too long)" in line) == (1, True)
    command = [sys.executable, "-m", "edge.cli", "config", "show"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "passerby: standard output: cannot be read or written (No space left on device)\n"


def test_a_closed_standard_output_is_no_traceback(terminal: Terminal) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m edge.cli models list >&-"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_ends_a_long_command_with_130(shared: Path, terminal: Terminal) -> None:
    clip = terminal.folder / "long.mp4"
    still = np.full((96, 128, 3), 90, np.uint8)
    writer = cv2.VideoWriter(str(clip), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 25, (128, 96))
    for _ in range(500):
        writer.write(still)
    writer.release()
    process = terminal.start("analyze", str(clip), "--realtime", "--json", "-")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("{")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
