"""Installs an isolated environment once, in a cache folder, whole or not at all."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conversion.environments.cache import cache_folder
from conversion.environments.catalog import Environment
from conversion.environments.interpreters import find_interpreter
from edge.errors import BackendUnavailable

_log = logging.getLogger(__name__)
CHECK_TIMEOUT_S = 300.0


def ensure_environment(environment: Environment, cache: Path | None = None) -> Path:
    """The environment's interpreter; installed first where it is missing (with pip and the user's own settings).

    It is built under another name and renamed once its check has passed, so a folder of its name is complete. Of two
    processes that need it, one waits for the other. cache: the folder of environments, by default one of
    `conversion.environments.cache`. Raises BackendUnavailable without an interpreter, disk space or network, and where
    pip or the check fails.
    """
    folder = cache_folder("environments") if cache is None else cache
    for version in environment.pythons:
        ready = folder / environment.folder_name(version) / "bin" / "python"
        if ready.exists():
            return ready
    interpreter, version = find_interpreter(environment.name, environment.pythons)
    target = folder / environment.folder_name(version)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_builder(folder / f"{target.name}.lock"):
            if not target.exists():
                _build(environment, interpreter, target)
    except OSError as error:
        raise _failed(environment, f"{folder}: {error.strerror or error}") from error
    return target / "bin" / "python"


@contextmanager
def _only_builder(lock: Path) -> Iterator[None]:
    """Hold the lock; the system releases it when the process ends, however it ends."""
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _build(environment: Environment, interpreter: Path, target: Path) -> None:
    building = target.with_name(f"{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)  # left by a builder that was killed
    _need_room(environment, target.parent)
    _log.info("making environment %s in %s (up to %.1f GB)", environment.name, target, environment.room_bytes / 1e9)
    started = time.monotonic()
    try:
        _run(environment, [str(interpreter), "-I", "-m", "venv", str(building)])
        python = str(building / "bin" / "python")
        pins = building / "requirements.txt"
        pins.write_text("\n".join(environment.requirements) + "\n", "utf-8")
        _run(environment, [python, "-m", "pip", "install", "--no-input", "--requirement", str(pins)])
        _run(environment, [python, "-I", "-c", environment.check], CHECK_TIMEOUT_S)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _log.info("environment %s is ready after %.0f s", environment.name, time.monotonic() - started)


def _need_room(environment: Environment, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < environment.room_bytes:
        wanted = f"{environment.room_bytes / 1e9:.1f} GB of disk space, got {free / 1e9:.1f} GB"
        raise _failed(environment, f"{folder}: needs {wanted}; set PASSERBY_CACHE to a folder on a larger disk")


def _run(environment: Environment, command: list[str], timeout_s: float | None = None) -> None:
    """Run a step without the variables that point at this process's own environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    try:
        done = subprocess.run(
            command, env=inherited, capture_output=True, text=True, errors="replace", timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(environment, f"its check did not finish within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        raise _failed(environment, f"`{_words(command)}` failed: {_last_line(done.stderr, done.stdout)}")


def _words(command: list[str]) -> str:
    return " ".join(["python", *(word for word in command[1:4] if word != "-I")][:4])


def _last_line(*texts: str) -> str:
    """The last line that is not empty; an ERROR line of pip takes precedence."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no message"])[-1][:300]


def _failed(environment: Environment, reason: str) -> BackendUnavailable:
    return BackendUnavailable(f"environment {environment.name}", reason)
