"""Completion: what Tab offers in a real shell, from the script that `passerby completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

pytestmark = pytest.mark.process


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A folder with `passerby` of this tree."""
    program = tmp_path / "passerby"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nsys.argv[0] = 'passerby'\n"
        "from edge.cli.app import main\nmain()\n"
    )
    program.chmod(0o755)
    return tmp_path


def script(bin_folder: Path, shell: str) -> str:
    command = [str(bin_folder / "passerby"), "completion", shell]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def offered(bin_folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    ask = (
        'eval "$(passerby completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        '_passerby_completion passerby; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", ask, "bash", "passerby", *words],
        env=os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_inner_commands_and_flags(bin_folder: Path) -> None:
    assert offered(bin_folder, "conf") == ["config"]
    assert set(offered(bin_folder, "re")) == {"report", "resume"}
    assert {"run", "analyze", "train", "completion"} <= set(offered(bin_folder, ""))
    assert set(offered(bin_folder, "config", "")) >= {"check", "show", "schema"}
    assert offered(bin_folder, "run", "--mod") == ["--model-set"]
    assert offered(bin_folder, "completion", "z") == ["zsh"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_its_shell_reads(bin_folder: Path, shell: str) -> None:
    text = script(bin_folder, shell)
    assert f"_PASSERBY_COMPLETE=complete_{shell}" in text
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n", "/dev/stdin"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused_with_those_there_are(bin_folder: Path) -> None:
    command = [str(bin_folder / "passerby"), "completion", "tcsh"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(f"'{shell}'" in done.stderr for shell in ("bash", "zsh", "fish"))
