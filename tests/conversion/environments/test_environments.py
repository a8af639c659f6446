"""Environments are whole or not there, made once, and never by two at a time."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conversion.environments import catalog
from conversion.environments.cache import cache_folder
from conversion.environments.catalog import Environment
from conversion.environments.installation import ensure_environment
from conversion.environments.interpreters import find_interpreter
from edge.errors import BackendUnavailable
from tests.places import ROOT

pytestmark = pytest.mark.process

HERE = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture(autouse=True)
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's own settings, as a user may have them: these tests ask no registry."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def pack(folder: Path, body: str = "number = 7\n") -> str:
    """A tiny wheel; returns the requirement that names it."""
    wheel = folder / "tiny_pictures-1.0-py3-none-any.whl"
    facts = {
        "tiny_pictures.py": body,
        "tiny_pictures-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-pictures\nVersion: 1.0\n",
        "tiny_pictures-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in facts.items():
            archive.writestr(name, content)
        archive.writestr("tiny_pictures-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in facts))
    return str(wheel)


def tiny(folder: Path, **changes: object) -> Environment:
    folder.mkdir(exist_ok=True)
    check = "import tiny_pictures; assert tiny_pictures.number == 7"
    whole = Environment("tiny", (HERE,), (pack(folder),), check, 1_000_000)
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_an_environment_is_made_once_and_runs_what_was_installed(tmp_path: Path) -> None:
    environment, cache = tiny(tmp_path / "wheels"), tmp_path / "cache"
    python = ensure_environment(environment, cache)
    done = subprocess.run([python, "-c", "import tiny_pictures; print(tiny_pictures.number)"], capture_output=True)
    assert done.stdout.strip() == b"7"
    assert contents(cache) == [environment.folder_name(HERE)]
    made_at = python.parent.stat().st_mtime_ns
    shutil.rmtree(tmp_path / "wheels")
    assert ensure_environment(environment, cache) == python
    assert python.parent.stat().st_mtime_ns == made_at


def test_other_pins_are_another_environment(tmp_path: Path) -> None:
    environment = tiny(tmp_path / "wheels")
    other = dataclasses.replace(environment, requirements=(*environment.requirements, "numpy==1.19.5"))
    assert environment.folder_name("3.9") != other.folder_name("3.9") != other.folder_name("3.8")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"requirements": ("no-such-package-of-ours==1.0",)}, "pip install.*no-such-package-of-ours"),
        ({"check": "import absent_module"}, "absent_module"),
        ({"room_bytes": 10**18}, "GB of disk space.*PASSERBY_CACHE"),
    ],
)
def test_what_cannot_be_made_leaves_nothing_and_says_why(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(BackendUnavailable, match=f"environment tiny: .*{reason}") as caught:
        ensure_environment(tiny(tmp_path / "wheels", **changes), cache)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert contents(cache) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(BackendUnavailable, match=f"{blocked}"):
        ensure_environment(tiny(tmp_path / "wheels"), blocked / "cache")


def test_a_missing_interpreter_is_one_clear_line() -> None:
    with pytest.raises(BackendUnavailable, match=r"environment old: .*no Python 2\.6 or 2\.5 with venv.*pyenv install"):
        find_interpreter("old", ("2.6", "2.5"))


def test_an_interpreter_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python2.6"
    shim.write_text("#!/bin/sh\necho 'pyenv: python2.6: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    with pytest.raises(BackendUnavailable):
        find_interpreter("old", ("2.6",), {"PATH": str(tmp_path), "HOME": str(tmp_path)})


def test_an_interpreter_of_pyenv_is_found(tmp_path: Path) -> None:
    own = tmp_path / "versions" / "2.6.9" / "bin"
    own.mkdir(parents=True)
    (own / "python").write_text("#!/bin/sh\necho 2.6\n")
    (own / "python").chmod(0o755)
    assert find_interpreter("old", ("2.7", "2.6"), {"PYENV_ROOT": str(tmp_path)}) == (own / "python", "2.6")


def test_the_cache_lies_where_the_variables_say() -> None:
    assert cache_folder("environments", {"PASSERBY_CACHE": "/big/disk"}) == Path("/big/disk/environments")
    assert cache_folder("environments", {"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/passerby/environments")
    assert cache_folder("environments", {"HOME": "/h"}) == Path("/h/.cache/passerby/environments")


def test_two_that_want_it_at_once_build_it_once(tmp_path: Path) -> None:
    environment, cache = tiny(tmp_path / "wheels"), tmp_path / "cache"
    log = tmp_path / "checks"
    counted = dataclasses.replace(environment, check=f"open({str(log)!r}, 'a').write('checked\\n')")
    with ThreadPoolExecutor(2) as both:
        pythons = list(both.map(lambda _: ensure_environment(counted, cache), range(2)))
    assert pythons[0] == pythons[1]
    assert log.read_text() == "checked\n"


def test_a_builder_that_was_killed_leaves_no_environment_and_the_next_one_makes_it(tmp_path: Path) -> None:
    environment, cache = tiny(tmp_path / "wheels"), tmp_path / "cache"
    reached = tmp_path / "reached"
    os.mkfifo(reached)
    hanging = dataclasses.replace(environment, check=f"open({str(reached)!r}, 'w').write('x'); input()")
    script = f"""
        from pathlib import Path
        from conversion.environments.catalog import Environment
        from conversion.environments.installation import ensure_environment
        ensure_environment({hanging!r}, Path({str(cache)!r}))
        """
    builder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True
    )
    with reached.open() as stream:
        assert stream.read(1) == "x"
    os.killpg(builder.pid, signal.SIGKILL)
    builder.wait()
    name = hanging.folder_name(HERE)
    assert contents(cache) == [f"{name}.building"]
    whole = dataclasses.replace(hanging, check=environment.check)
    (cache / f"{name}.building").rename(cache / f"{whole.folder_name(HERE)}.building")
    assert ensure_environment(whole, cache).exists()
    assert contents(cache) == [whole.folder_name(HERE)]


@pytest.mark.parametrize("make", [catalog.tflite, catalog.openvino_2021, catalog.openvino_2022, catalog.trackers])
def test_every_package_of_an_environment_has_its_version(make: object) -> None:
    environment = make()  # type: ignore[operator]
    assert environment.requirements
    assert all("==" in line and "/" not in line for line in environment.requirements)
