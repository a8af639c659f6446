"""The documents keep their word: links lead somewhere, what they name is there, versions are pinned, nobody's paths."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import msgspec
import pytest
import typer
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edge.cli.app import build
from edge.cli.schema import json_schema
from edge.settings.settings_file import all_settings, zone_settings
from tests.conftest import need_program
from tests.places import ROOT

pytestmark = pytest.mark.contract

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
NOT_FROM_PIP = {"picamera", "tflite-runtime"}
"""Extras that CI does not install: one comes from apt, the other is for old Python and numpy only."""

PATH_OF_SOMEBODY = re.compile(r"(?<![\w.~/-])/(?:roo[t]|wor[k]|Users|mnt)/\w|(?<![\w.~/-])/home/(?!me\b|pi\b|user\b)\w")
REGISTRY = re.compile(r"--?(?:extra-)?index[-]url|python[h]osted|/simpl[e]/|find[-]links")


def tracked() -> list[Path]:
    """Files of the repository."""
    command = [need_program("git"), "-c", "safe.directory=*", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(page for part in ("docs", "examples") for page in sorted((ROOT / part).rglob("*.md"))),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def code(page: Path) -> Iterator[str]:
    """Words in code type, and the lines of the blocks of code."""
    text = page.read_text()
    for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"^ {4}(\S.*)$", text, flags=re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", prose(page))


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.is_relative_to(ROOT), target
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


@each_page
def test_every_page_has_a_title_and_is_reached_from_another(page: Path) -> None:
    assert re.match(r"# \S", page.read_text())
    index = page.parent == ROOT or page.name == "README.md"
    linked = {
        (other.parent / target.partition("#")[0]).resolve()
        for other in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(other))
    }
    assert index or page in linked, "no page leads here"


@each_page
def test_settings_that_a_page_names_are_there(page: Path) -> None:
    settings = [*all_settings(), *zone_settings()]
    names = {setting.name for setting in settings}
    sections = "|".join({setting.section for setting in settings})
    name = re.compile(rf"(?<![\w.\[])(?:{sections})\.(?!md\b|toml\b|py\b)[a-z_]*[a-z](?![\w.(*])")
    shown = [text for text in code(page) if "unknown setting" not in text]  # that one is wrong on purpose
    assert {found for text in shown for found in name.findall(text)} <= names


@each_page
def test_commands_that_a_page_names_are_there(page: Path) -> None:
    commands = typer.main.get_command(build()).commands  # type: ignore[attr-defined]
    for text in code(page):
        for words in re.findall(r"(?:^|[\s/`])passerby((?: [a-z]+)+)", text):
            first, *rest = words.split()
            if first == "run" or first in commands:
                inner = getattr(commands[first], "commands", {})
                assert not rest or not inner or rest[0] in inner, f"passerby{words}"
            else:
                raise AssertionError(f"passerby{words}")


@each_page
def test_make_targets_that_a_page_names_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for text in code(page):
        if match := re.match(r"make((?: [a-z]+)+)", text):
            assert set(match[1].split()) <= targets, text


@each_page
def test_events_that_a_page_shows_are_valid(page: Path) -> None:
    for block in blocks(page, "json"):
        for event in [json.loads(block)] if block.count('"schema"') == 1 else map(json.loads, block.splitlines()):
            name = event["schema"].removeprefix("passerby.").replace("/", "-")
            jsonschema.Draft202012Validator(json_schema(name)).validate(event)


@each_page
def test_toml_that_a_page_shows_can_be_read(page: Path) -> None:
    for block in blocks(page, "toml"):
        msgspec.toml.decode(block)


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"


def requirements() -> Iterator[Requirement]:
    """What pyproject.toml asks for, in all extras that CI installs, and to build."""
    project = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())
    lists = [project["project"]["dependencies"], project["build-system"]["requires"]]
    extras = project["project"]["optional-dependencies"]
    assert set(extras) >= NOT_FROM_PIP
    lists += [wanted for name, wanted in extras.items() if name not in NOT_FROM_PIP]
    for wanted in lists:
        yield from map(Requirement, wanted)


def pins(python: str) -> dict[str, str]:
    """Name -> version of constraints.txt on a Python; fails where a name has two."""
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9A-Za-z.+!]+)(?:; (.+))?", line)
        assert match, f"not a name and a version: {line}"
        name, version, marker = match.groups()
        if marker is None or Marker(marker).evaluate({"python_version": python}):
            assert found.setdefault(canonicalize_name(name), version) == version, f"two versions of {name}"
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_to_a_version_that_fits(python: str) -> None:
    pinned = pins(python)
    for requirement in requirements():
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            version = pinned.get(canonicalize_name(requirement.name))
            assert version is not None, f"constraints.txt has no {requirement.name} for {python}"
            assert requirement.specifier.contains(version), f"{requirement} against {version}"


def test_constraints_are_names_and_versions_in_order_and_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text
    assert "@" not in text
    names = [line.split("==")[0].lower() for line in text.splitlines()[1:]]
    assert names == sorted(names)


def test_nothing_names_a_registry_or_the_path_of_somebodys_machine() -> None:
    this = Path(__file__).resolve()
    for file in tracked():
        if file == this:
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for pattern in (PATH_OF_SOMEBODY, REGISTRY):
            found = pattern.search(text)
            assert found is None, f"{file.relative_to(ROOT)}: {found and found[0]}"


@pytest.mark.parametrize("text", ["/home/anna/x", "/mnt/disk/x", "pip --" + "index-" + "url x"])
def test_such_names_would_be_seen(text: str) -> None:
    assert PATH_OF_SOMEBODY.search(text) or REGISTRY.search(text)


def test_no_file_is_larger_than_a_page_or_a_small_network_needs() -> None:
    networks = ROOT / "models", ROOT / "training" / "weights"
    others = [file for file in tracked() if not any(file.is_relative_to(folder) for folder in networks)]
    assert [file for file in others if file.stat().st_size > 1_000_000] == []
    assert [file for file in tracked() if file.stat().st_size > 3_000_000] == []
