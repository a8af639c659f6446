"""What can be said of the units without starting them: how exposed they are; the README explains every line."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.conftest import need_program, unavailable
from tests.places import ROOT

FOLDER = ROOT / "systemd"
UNITS = {"sensor": 1.0, "publisher": 1.5, "button": 1.0}
OFFLINE_SINCE = 250


def _directives(half: str) -> set[str]:
    service = (FOLDER / f"passerby-{half}.service").read_text().partition("[Service]")[2].partition("[Install]")[0]
    return set(re.findall(r"^([A-Za-z]+)=", service, flags=re.MULTILINE))


@pytest.mark.parametrize("half", UNITS)
def test_the_unit_is_hardly_exposed(half: str) -> None:
    analyze = need_program("systemd-analyze")
    version = int(subprocess.run([analyze, "--version"], capture_output=True, text=True, check=True).stdout.split()[1])
    if version < OFFLINE_SINCE:
        unavailable(f"systemd {version} cannot look at a unit that is not installed")
    command = [analyze, "security", "--offline=yes", "--no-pager", str(FOLDER / f"passerby-{half}.service")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert float(re.findall(r"exposure level for \S+: ([0-9.]+)", said)[0]) <= UNITS[half]


@pytest.mark.parametrize("half", UNITS)
def test_the_readme_explains_every_directive(half: str) -> None:
    explained = set(re.findall(r"`([A-Za-z]+)=", (FOLDER / "README.md").read_text()))

    assert _directives(half) - {"ExecStart"} <= explained


def test_the_drop_ins_are_explained_and_installable() -> None:
    names = {path.stem for path in (FOLDER / "drop-ins").glob("*.conf")} - {"backoff"}
    text, script = (FOLDER / "README.md").read_text(), (FOLDER / "install.sh").read_text()

    assert names == {"coral", "jetson", "ncs2", "rtsp"}
    assert all(f"| `{name}` |" in text for name in names)
    assert f"for name in {' '.join(sorted(names))}; do" in script


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("--colour",), 2, "unknown option --colour"),
        (("--wheels",), 2, "--wheels needs a value"),
        (("--wheels", "/nowhere"), 2, "/nowhere is not a folder"),
        (("--with", "toaster"), 2, "--with toaster: no such drop-in"),
        (("--purge",), 2, "--purge needs --uninstall"),
    ],
)
def test_install_refuses_wrong_words_in_one_line(words: tuple[str, ...], code: int, complaint: str) -> None:
    command = [str(FOLDER / "install.sh"), "--dry-run", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert done.stderr.splitlines()[-1] == f"passerby: {complaint}"
