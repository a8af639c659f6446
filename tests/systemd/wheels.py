"""Passerby's wheel, and all that it needs, for a Python and a machine that need not be ours."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from conversion.environments.cache import cache_folder
from tests.places import ROOT

GLIBCS = ("2_17", "2_27", "2_28", "2_31", "2_34", "2_35")


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("passerby-*.whl")
    return built


def all_wheels(folder: Path, *, python: str, machine: str, extras: str) -> Path:
    """`folder` with our wheel and everything that `passerby[extras]` needs for CPython `python` on `machine`."""
    folder.mkdir()
    own = build_wheel(folder)
    asked = "\n".join([python, machine, extras, (ROOT / "constraints.txt").read_text(), _wanted()])
    cache = cache_folder("wheels") / hashlib.sha256(asked.encode()).hexdigest()[:12]
    if not cache.is_dir():
        _download(own, cache, python=python, machine=machine, extras=extras)
    for wheel in cache.glob("*.whl"):
        shutil.copy(wheel, folder)
    return folder


def other_version(wheel: Path, folder: Path, version: str, before: Mapping[str, str]) -> Path:
    """The same wheel under another version, with text put before some of its files' own."""
    old = wheel.name.split("-")[1]
    inside = f"passerby-{version}.dist-info"
    made = folder / wheel.name.replace(old, version)
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        names = [name for name in source.namelist() if not name.endswith("/RECORD")]
        for name in names:
            text = source.read(name)
            if name.endswith((".dist-info/METADATA", "edge/__init__.py")):
                text = text.replace(old.encode(), version.encode(), 1)
            target.writestr(_renamed(name, inside), _put_before(text, before.get(name, "")))
        record = [f"{_renamed(name, inside)},," for name in names] + [f"{inside}/RECORD,,"]
        target.writestr(f"{inside}/RECORD", "\n".join(record) + "\n")
    return made


def _renamed(name: str, inside: str) -> str:
    return re.sub(r"^passerby-[^/]+\.dist-info", inside, name)


def _put_before(text: bytes, addition: str) -> bytes:
    """After `from __future__`, which must be the first statement."""
    future = b"from __future__ import annotations\n"
    head, separator, rest = text.partition(future)
    return head + separator + addition.encode() + rest if addition else text


def _wanted() -> str:
    """The part of pyproject.toml that says what is needed."""
    return (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("[project.scripts]")[0]


def _download(own: Path, cache: Path, *, python: str, machine: str, extras: str) -> None:
    part = cache.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    platforms = [flag for glibc in GLIBCS for flag in ("--platform", f"manylinux_{glibc}_{machine}")]
    platforms += ["--platform", f"manylinux2014_{machine}"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(part), "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", python, *platforms]
    command += ["--constraint", str(ROOT / "constraints.txt"), f"{own}[{extras}]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (part / own.name).unlink(missing_ok=True)
    part.rename(cache)
