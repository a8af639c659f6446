"""Calls a worker script in an isolated environment: arrays go in and come out through pipes, never through files."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InferenceError, explain
from edge.sensor.inference.accelerators.workers import framing

WORKERS = Path(__file__).parent / "workers"
FRAMING = Path(framing.__file__)
"""Workers import this file of the project, which stands on its own, as plain `framing`."""
TIMEOUT_S = 900.0
STDERR_TAIL_BYTES = 8192
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")

Arrays = Mapping[str, NDArray[Any]]


def call_worker(
    python: Path, script: Path, header: Mapping[str, object], arrays: Arrays, timeout_s: float = TIMEOUT_S
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Send one message to a worker and return its answer.

    The worker runs in an empty folder of its own, which is also its home and is removed after it, without this
    process's environment variables. Raises InferenceError with the last line that the worker wrote to stderr.
    """
    with tempfile.TemporaryDirectory(prefix="passerby-worker-") as scratch, tempfile.TemporaryFile() as log:
        worker = _start(python, script, Path(scratch), log)
        timer = threading.Timer(timeout_s, worker.kill)
        timer.start()
        try:
            answer = _converse(worker, dict(header), dict(arrays))
            code = worker.wait()
        finally:
            in_time = timer.is_alive()
            timer.cancel()
            worker.kill()
            worker.wait()
        if answer is None or code != 0:
            raise _failed(script, code, _last_line(log) if in_time else f"no answer within {timeout_s:.0f} s")
        return answer


def _start(python: Path, script: Path, scratch: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    inherited = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    variables = {**inherited, "HOME": str(scratch), "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
    variables["PYTHONPATH"] = str(FRAMING.parent)
    command = [str(python), "-s", str(script)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
    try:
        return subprocess.Popen(command, cwd=scratch, env=variables, **pipes)  # type: ignore[call-overload,no-any-return]
    except OSError as error:
        raise InferenceError(explain("the worker does not start", where=str(python), got=error.strerror)) from error


def _converse(
    worker: subprocess.Popen[bytes], header: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """The answer, None where it is not complete. A separate thread sends, because both pipes may fill up."""
    assert worker.stdin is not None and worker.stdout is not None
    sender = threading.Thread(target=_send, args=(worker.stdin, header, arrays), daemon=True)
    sender.start()
    try:
        return framing.receive(worker.stdout)
    except (ValueError, EOFError, KeyError):
        return None
    finally:
        worker.stdout.close()
        if worker.poll() is not None:
            sender.join()


def _send(stream: IO[bytes], header: dict[str, Any], arrays: dict[str, NDArray[np.generic]]) -> None:
    try:
        with stream:
            framing.send(stream, header, arrays)
    except OSError:
        return  # the worker ended before it had read everything; its exit code reports that


def _last_line(log: IO[bytes]) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - STDERR_TAIL_BYTES))
    lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it wrote nothing"


def _failed(script: Path, code: int, reason: str) -> InferenceError:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return InferenceError(explain(f"the worker {script.stem} failed ({how}): {reason}"))
