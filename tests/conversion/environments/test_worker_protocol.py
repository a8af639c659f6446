"""Arrays go to a worker and come back over pipes; a worker that fails says why in one line."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from conversion.environments.worker_call import FRAMING, WORKERS, call_worker
from edge.errors import InferenceError

pytestmark = pytest.mark.process

PYTHON = Path(sys.executable)


def write_worker(folder: Path, body: str) -> Path:
    """A worker that has received its message."""
    head = """
        import os, sys, signal, time
        import framing
        import numpy as np
        """
    path = folder / "fake_worker.py"
    path.write_text(textwrap.dedent(head) + textwrap.dedent(body))
    return path


ECHO = """
    answer = framing.take_stdout()
    header, arrays = framing.receive(sys.stdin.buffer)
    print("libraries print to stdout")
    framing.send(answer, {"was": header, "folder": os.getcwd(), "files": os.listdir("."), "home": os.environ["HOME"]},
                 {name: values[::-1] for name, values in arrays.items()})
    """


def test_arrays_of_any_kind_come_back_as_they_were_sent(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), dtype=np.uint8)
    sent = {"pictures": pictures, "scores": np.arange(6, dtype=np.float32).reshape(2, 3), "none": np.zeros((0, 4))}
    header, arrays = call_worker(PYTHON, write_worker(tmp_path, ECHO), {"core": "x"}, sent)
    assert header["was"] == {"core": "x"}
    assert list(arrays) == list(sent)
    for name, values in sent.items():
        assert arrays[name].dtype == values.dtype
        np.testing.assert_array_equal(arrays[name], values[::-1])


def test_a_worker_runs_in_an_empty_folder_that_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_USER", "1")
    body = ECHO.replace('"was": header', '"was": sorted(os.environ)')
    header, _ = call_worker(PYTHON, write_worker(tmp_path, body), {}, {})
    assert header["files"] == []
    assert header["home"] == header["folder"]
    assert not Path(header["folder"]).exists()
    assert "SECRET_OF_THE_USER" not in header["was"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('this layer is unknown')", "exit code 1.*ValueError: this layer is unknown"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9.*wrote nothing"),
        ('print(\'{"arrays": ["y"]}\')', "exit code 0"),
        ("print('not json')", "exit code 0"),
        ("framing.receive(sys.stdin.buffer); sys.stdout.write('{')", "exit code 0"),
    ],
)
def test_a_worker_that_fails_is_one_clear_line(tmp_path: Path, body: str, reason: str) -> None:
    pictures = np.zeros((50, 240, 320, 3), np.uint8)
    with pytest.raises(InferenceError, match=f"the worker fake_worker failed .{reason}") as caught:
        call_worker(PYTHON, write_worker(tmp_path, body), {}, {"pictures": pictures})
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match=r"signal 9.*no answer within 1 s"):
        call_worker(PYTHON, write_worker(tmp_path, "time.sleep(600)"), {}, {}, timeout_s=1.0)


def test_an_interpreter_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match="absent-python"):
        call_worker(tmp_path / "absent-python", write_worker(tmp_path, ECHO), {}, {})


def test_workers_compile_in_the_oldest_python_and_import_nothing_of_the_project() -> None:
    import ast

    for script in (*WORKERS.glob("*.py"), FRAMING):
        tree = ast.parse(script.read_text(), feature_version=(3, 7))
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names]
            )
        }
        assert not imported & {"edge", "conversion", "training"}
