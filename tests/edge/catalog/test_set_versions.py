"""A model set whose answers change gets another version: what decides them is kept beside each version as a digest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Manifest
from tests.places import MODELS, ROOT

CATALOG = Catalog(MODELS, ROOT / "nothing-installed")
KEPT: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "set_versions.json").read_text())
SAYS_NOTHING_OF_ANSWERS = {
    "schema", "id", "version", "task", "description", "licence", "source", "training_data", "metrics", "made_from",
    "made_with", "artefacts",
}  # fmt: skip


def decides(manifest: Manifest) -> dict[str, object]:
    """What a network's answers follow from: its files, its input, how they are read, cut and calibrated."""
    tree = msgspec.to_builtins(manifest)
    files = {artefact.kind: [file.sha256 for file in artefact.files] for artefact in manifest.artefacts}
    return {"files": files} | {key: value for key, value in tree.items() if key not in SAYS_NOTHING_OF_ANSWERS}


def digest(name: str) -> str:
    """SHA-256 of all that decides the answers of a set."""
    chosen = CATALOG.model_set(name)
    networks = [decides(CATALOG.original(network)) for network in (chosen.detector, *chosen.attributes)]
    return hashlib.sha256(json.dumps(networks, sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("name", CATALOG.sets())
def test_a_set_with_other_answers_has_another_version(name: str) -> None:
    version = CATALOG.model_set(name).version
    assert KEPT.get(name, {}).get(version) == digest(name), (
        f"{name}@{version} is not what it was: raise its version in models/sets.toml, keep digest {digest(name)} for"
        " it, and say in docs/numbers-changed.md what changed. Only where its answers are shown to be the same (the"
        " golden tests) may the digest of a version change."
    )


def test_no_set_goes_without_an_alias() -> None:
    assert set(KEPT) <= {*CATALOG.sets(), *CATALOG.aliases()}
    assert set(CATALOG.aliases().values()) <= set(CATALOG.sets())


@pytest.mark.parametrize("name", KEPT)
def test_what_changed_is_told(name: str) -> None:
    told = (ROOT / "docs" / "numbers-changed.md").read_text()
    _, *later = KEPT[name]
    assert [version for version in later if f"`{name}@{version}`" not in told] == []
