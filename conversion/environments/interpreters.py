"""Finds a Python interpreter of a given version: this one, one on the PATH, or pyenv's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.errors import BackendUnavailable

QUESTION = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
ANSWER_TIMEOUT_S = 30.0


def find_interpreter(
    name: str, versions: tuple[str, ...], variables: Mapping[str, str] | None = None
) -> tuple[Path, str]:
    """The first interpreter that runs, has one of the versions ("3.9") and can make environments, with its version.

    name: the environment's, for the message. variables: used in place of the process's environment. Raises
    BackendUnavailable where there is none.
    """
    found = os.environ if variables is None else variables
    for version in versions:
        for candidate in _candidates(version, found):
            if _answers(candidate, version):
                return candidate, version
    wanted = " or ".join(versions)
    raise BackendUnavailable(
        f"environment {name}",
        f"no Python {wanted} with venv was found (python{versions[0]} on the PATH, or pyenv's); "
        f"install one, for example with `pyenv install {versions[0]}`",
    )


def _candidates(version: str, variables: Mapping[str, str]) -> Iterator[Path]:
    if version == "{}.{}".format(*sys.version_info[:2]):
        yield Path(sys._base_executable if hasattr(sys, "_base_executable") else sys.executable)
    on_path = shutil.which(f"python{version}", path=variables.get("PATH", ""))
    if on_path:
        yield Path(on_path)
    root = variables.get("PYENV_ROOT") or os.path.join(variables.get("HOME", ""), ".pyenv")  # noqa: PTH118
    installed = (Path(root) / "versions").glob(f"{version}.*/bin/python")
    yield from sorted(installed, reverse=True)


def _answers(candidate: Path, version: str) -> bool:
    """Whether it really runs: pyenv puts shims on the PATH even for versions that they then refuse to start."""
    try:
        done = subprocess.run(
            [candidate, "-I", "-c", QUESTION], capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version
