"""`passerby run`'s supervisor with small programs in the place of sensor and publisher."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import FRESH_PROCESS, INTERRUPTED, KEPT
from edge.supervisor.supervisor import Patience, supervise
from tests.places import ROOT

pytestmark = pytest.mark.process

QUICK = Patience(retry_initial_s=0.02, retry_longest_s=0.1, steady_s=60, stop_s=20)

PRELUDE = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from edge.machine.notify import Notifier
journal, name = sys.argv[1:3]

def note(word):
    with open(journal, "a") as file:
        file.write(name + " " + word + "\\n")

def starts():
    with open(journal) as file:
        return file.read().count(name + " starts")

def meet(mode):
    open(journal + ".meeting", mode).close()  # opening a fifo waits for the other end

def until_asked(code=0, word="stops"):
    signal.sigwait([signal.SIGTERM])
    note(word)
    sys.exit(code)

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
note("starts")
"""
READY = "Notifier().ready()\n"
PUBLISHER = READY + "until_asked()"
MEETING_PUBLISHER = READY + "meet('w')\nuntil_asked()"


class _Stage:
    """Runs two programs under the supervisor and keeps what they noted."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "journal"
        self._journal.touch()
        os.mkfifo(f"{self._journal}.meeting")

    def command(self, name: str, code: str) -> list[str]:
        return [sys.executable, "-c", PRELUDE + code, str(self._journal), name]

    def run(
        self,
        *,
        publisher: str = PUBLISHER,
        sensor: str,
        finite: bool = True,
        drain_timeout_s: float = 20,
        patience: Patience = QUICK,
    ) -> int:
        return supervise(
            self.command("publisher", publisher),
            self.command("sensor", sensor),
            finite=finite,
            drain_timeout_s=drain_timeout_s,
            patience=patience,
        )

    def run_apart(self, *, publisher: str, sensor: str, finite: bool) -> int:
        """The same in a process of its own: for tests that send signals to the supervisor."""
        call = (
            "import sys; from edge.supervisor.supervisor import supervise; "
            f"sys.exit(supervise({self.command('publisher', publisher)!r}, {self.command('sensor', sensor)!r},"
            f" finite={finite}, drain_timeout_s=20))"
        )
        return subprocess.run([sys.executable, "-c", call], check=False, timeout=60).returncode

    @property
    def notes(self) -> list[str]:
        return self._journal.read_text().splitlines()

    def of(self, name: str) -> list[str]:
        return [line.removeprefix(f"{name} ") for line in self.notes if line.startswith(f"{name} ")]


@pytest.fixture
def stage(tmp_path: Path) -> _Stage:
    return _Stage(tmp_path)


def test_the_publisher_drains_after_the_clip_has_ended(stage: _Stage) -> None:
    code = stage.run(sensor=READY + "note('ends')")

    assert code == 0
    assert stage.of("sensor") == ["starts", "ends"]
    assert stage.of("publisher") == ["starts", "stops"]
    assert stage.notes.index("sensor ends") < stage.notes.index("publisher stops")


def test_an_outbox_that_was_not_drained_is_exit_code_3(stage: _Stage) -> None:
    assert stage.run(publisher=READY + f"until_asked({KEPT})", sensor=READY) == KEPT


def test_a_sensor_that_could_not_hand_over_its_visits_when_it_was_stopped_is_exit_code_3(stage: _Stage) -> None:
    sensor = READY + f"meet('r')\nos.kill(os.getppid(), signal.SIGTERM)\nuntil_asked({KEPT})"

    assert stage.run_apart(publisher=MEETING_PUBLISHER, sensor=sensor, finite=False) == KEPT


def test_a_publisher_that_dies_while_it_drains_keeps_its_events(stage: _Stage) -> None:
    assert stage.run(publisher=READY + "until_asked(-9 & 0xff)", sensor=READY) == KEPT


@pytest.mark.parametrize("code", [2, 3])
def test_a_sensor_that_cannot_work_here_ends_it_with_its_code(stage: _Stage, code: int) -> None:
    assert stage.run(sensor=f"sys.exit({code})", finite=False) == code
    assert stage.of("sensor") == ["starts"]


@pytest.mark.parametrize("code", [2, 3])
def test_a_publisher_that_cannot_work_here_ends_it_with_its_code(stage: _Stage, code: int) -> None:
    assert stage.run(publisher=f"sys.exit({code})", sensor=READY + "until_asked()") == code
    assert stage.of("publisher") == ["starts"]


def test_a_sensor_that_crashed_is_started_again(stage: _Stage) -> None:
    crash_twice = READY + "if starts() < 3: os.kill(os.getpid(), signal.SIGKILL)\nnote('ends')"

    assert stage.run(sensor=crash_twice, finite=False) == 0
    assert stage.of("sensor") == ["starts", "starts", "starts", "ends"]
    assert stage.of("publisher") == ["starts", "stops"]


def test_a_sensor_that_crashed_in_a_clip_is_not_started_again(stage: _Stage) -> None:
    """It would begin the clip anew, and its people would be counted twice."""
    crash = READY + "meet('r')\nos.kill(os.getpid(), signal.SIGKILL)"
    assert stage.run(publisher=MEETING_PUBLISHER, sensor=crash, finite=True) == 1
    assert stage.of("sensor") == ["starts"]
    assert stage.of("publisher") == ["starts", "stops"]


def test_a_stream_that_turns_out_to_be_a_clip_is_not_begun_again(stage: _Stage) -> None:
    broken_off = "Notifier().ready(clip=True)\nmeet('r')\nsys.exit(2)"
    assert stage.run(publisher=MEETING_PUBLISHER, sensor=broken_off, finite=False) == 2
    assert stage.of("sensor") == ["starts"]


def test_a_crash_is_told_in_one_line(stage: _Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.run(sensor=READY + "if starts() < 2: os.kill(os.getpid(), signal.SIGSEGV)", finite=False)

    assert [r.getMessage().partition(", ")[0] for r in caplog.records] == ["sensor ended with signal 11"]


def test_a_sensor_that_wants_a_fresh_process_gets_one_without_a_warning(
    stage: _Stage, caplog: pytest.LogCaptureFixture
) -> None:
    assert stage.run(sensor=READY + f"if starts() < 2: sys.exit({FRESH_PROCESS})", finite=False) == 0
    assert stage.of("sensor") == ["starts", "starts"]
    assert caplog.records == []


def test_a_publisher_that_crashed_is_back_before_the_end(stage: _Stage) -> None:
    crash_once = "if starts() < 2: os.kill(os.getpid(), signal.SIGKILL)\n" + PUBLISHER

    assert stage.run(publisher=crash_once, sensor=READY) == 0
    assert stage.of("publisher") == ["starts", "starts", "stops"]


def test_a_publisher_that_does_not_come_back_in_time_leaves_events_in_the_outbox(stage: _Stage) -> None:
    crash_always = READY + "os.kill(os.getpid(), signal.SIGKILL)"
    late = Patience(retry_initial_s=60, retry_longest_s=60, stop_s=20)

    assert stage.run(publisher=crash_always, sensor=READY, drain_timeout_s=0.2, patience=late) == KEPT


def test_a_sensor_that_gives_up_on_a_clip_is_not_started_anew(stage: _Stage) -> None:
    code = stage.run(publisher=MEETING_PUBLISHER, sensor=READY + "meet('r')\nsys.exit(3)", finite=True)

    assert code == 3
    assert stage.of("sensor") == ["starts"]
    assert stage.of("publisher") == ["starts", "stops"]


def test_a_sensor_that_gives_up_on_a_camera_is_tried_again(stage: _Stage) -> None:
    assert stage.run(sensor=READY + "if starts() < 3: sys.exit(3)", finite=False) == 0
    assert stage.of("sensor") == ["starts"] * 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 0)])
def test_a_signal_is_passed_on_once_and_the_sensor_ends_first(stage: _Stage, number: int, code: int) -> None:
    sensor = READY + f"meet('r')\nos.kill(os.getppid(), {int(number)})\nuntil_asked()"

    assert stage.run_apart(publisher=MEETING_PUBLISHER, sensor=sensor, finite=False) == code
    assert stage.of("sensor") == ["starts", "stops"]
    assert stage.notes[-2:] == ["sensor stops", "publisher stops"]


def test_a_second_signal_ends_what_still_runs(stage: _Stage) -> None:
    again = "os.kill(os.getppid(), signal.SIGINT)\n"
    stubborn = READY + again + "signal.sigwait([signal.SIGTERM])\nnote('goes on')\n" + again + "signal.pause()"

    assert stage.run_apart(publisher=PUBLISHER, sensor=stubborn, finite=True) == INTERRUPTED
    assert stage.of("sensor") == ["starts", "goes on"]


def test_a_child_that_does_not_end_is_killed(stage: _Stage, caplog: pytest.LogCaptureFixture) -> None:
    code = stage.run(
        publisher=READY + "signal.pause()",
        sensor=READY,
        drain_timeout_s=0.1,
        patience=Patience(stop_s=0.1),
    )

    assert code == KEPT
    assert [record.getMessage() for record in caplog.records] == ["publisher does not end and is killed"]


def test_what_children_say_comes_through_in_whole_lines(stage: _Stage, capfd: pytest.CaptureFixture[str]) -> None:
    say = "for i in range(200):\n    os.write(2, b'{0} ')\n    os.write(2, b'speaks\\n')\n"

    stage.run(
        publisher=READY + say.format("publisher") + "until_asked()",
        sensor=READY + say.format("sensor") + "os.write(2, b'last word')",
    )

    lines = capfd.readouterr().err.splitlines()
    assert set(lines) == {"publisher speaks", "sensor speaks", "last word"}
    assert lines.count("sensor speaks") == lines.count("publisher speaks") == 200


def test_a_child_inherits_no_descriptor_but_its_three(stage: _Stage, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        stage.run(sensor=READY + "note(' '.join(sorted(os.listdir('/proc/self/fd'))))")

    assert stage.of("sensor")[1] == "0 1 2 3"  # 3 is the listing itself


def test_children_die_with_a_supervisor_that_was_killed(stage: _Stage, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pids")
    tell = READY + f"with open({str(tmp_path / 'pids')!r}, 'w') as fifo: fifo.write(str(os.getpid()))\nsignal.pause()"
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from edge.supervisor.supervisor import supervise\n"
        f"supervise({stage.command('publisher', PUBLISHER)!r}, {stage.command('sensor', tell)!r},"
        " finite=False, drain_timeout_s=1)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code])
    sensor = os.pidfd_open(int((tmp_path / "pids").read_text()))
    supervisor.kill()
    supervisor.wait()

    poll = select.poll()
    poll.register(sensor, select.POLLIN)
    assert poll.poll(20_000)
    os.close(sensor)


def test_signal_handlers_are_as_before_afterwards(stage: _Stage) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    stage.run(sensor=READY)

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
