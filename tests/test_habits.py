"""The files that make good habits easy: hooks that run what `make check` runs, a workflow, templates of issues."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.places import ROOT

yaml = pytest.importorskip("yaml", reason="yaml is not installed (passerby[demo])")

TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, with the path of its programs written out."""
    (found,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in found.splitlines()]


def test_the_hooks_run_what_make_check_runs() -> None:
    (local,) = read(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == recipe("check")
    assert len(local["hooks"]) == 4
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in local["hooks"])


def test_the_workflow_runs_make_on_every_python_that_the_package_takes() -> None:
    job = read(".github/workflows/check.yml")["jobs"]["check"]
    classifiers = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())["project"]["classifiers"]
    pythons = [line.rpartition(" ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)]
    assert job["strategy"]["matrix"]["python"] == pythons
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[-1].startswith("make check test")
    assert {"mosquitto", "strace", "faketime", "xvfb"} <= set(commands[0].split())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_of_an_issue_can_be_read(template: Path) -> None:
    form = yaml.safe_load(template.read_text())
    if template.name == "config.yml":
        assert form["contact_links"]
        return
    assert {"name", "description", "body"} <= set(form)
    names = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(set(names)) == len(names)
    assert "doctor" in names


@pytest.mark.xdist_group("together")
def test_tests_of_a_group_stay_together(request: pytest.FixtureRequest) -> None:
    """pytest-xdist groups by the end of a test's name; there are versions of pytest that do not let it write that."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("not a worker of `make test`")
    assert request.node.nodeid.endswith("@together")
