"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A shell that starts us in the background leaves SIGINT ignored, and so would every process that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the cores: no library takes them all. Read when the libraries are loaded, so it stands here.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(name, "1")

# How long one example takes says how busy the machine is: no test of a property is about that. The examples are the
# same in every run, so that a change fails for its own faults; `--hypothesis-profile explore` draws new ones.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("tests")

REQUIRE_ALL = os.environ.get("PASSERBY_REQUIRE_ALL") == "1"
"""CI sets it: what is missing there is a failure, not a skip."""


def unavailable(reason: str, *, module: bool = False) -> None:
    """Skip with the reason, or fail where everything must be there; `module`: the whole module that says so."""
    if REQUIRE_ALL:
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason, allow_module_level=module)


def need_program(name: str) -> str:
    """Path of a program, or skip/fail."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        unavailable(f"{name} is not installed")
        raise AssertionError
    return path


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of a short name: the sockets in it may have a path of at most 107 bytes (unix(7))."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared material: models, clips and photographs of others that are not part of the project."""
    named = os.environ.get("PASSERBY_SHARED")
    if not named:
        unavailable("PASSERBY_SHARED is not set")
        raise AssertionError
    folder = Path(named).resolve()
    if not (folder / "models").is_dir():
        unavailable(f"no shared material in {folder} (PASSERBY_SHARED)")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that in parallel runs none of it is begun last."""
    items.sort(key=lambda item: not any(item.get_closest_marker(kind) for kind in ("process", "golden")))


def pytest_report_header() -> str:
    """Say at the head of every run whether the tests that need the shared material can run."""
    named = os.environ.get("PASSERBY_SHARED")
    return f"shared material: {named or 'none, PASSERBY_SHARED is not set: what needs it is skipped'}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Let a module that `pytest.importorskip` skips fail where everything must be there."""
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
    return report
