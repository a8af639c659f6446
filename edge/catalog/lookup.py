"""Finds manifests, sets and the files of a network: installed, carried with the program, or lying in a folder."""

from __future__ import annotations

import difflib
import importlib.util
import logging
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.catalog.files import check_file, refuse
from edge.catalog.manifest import Artefact, Manifest, ModelFile, ModelSet, ModelSets
from edge.catalog.manifest_file import MANIFEST, SETS, read_manifest, read_sets
from edge.errors import ManifestError, ModelNotFound, UnknownModel, explain
from edge.machine.folders import models_dir

_log = logging.getLogger(__name__)


class Located(NamedTuple):
    """A network that can be opened: `folder / file.path` is there and right for every file of `manifest`.

    The manifest holds only the artefacts that were asked for and found. `place` is "installed", "carried"
    with the program, or "found" in a folder of others, from which it is read in place.
    """

    manifest: Manifest
    folder: Path
    place: str


class Catalog:
    """Manifests and files of networks.

    carried: the program's own `models` folder. installed: where `passerby models` puts files; a manifest there takes
    precedence over the carried one of the same name. raw: folders of files of others, under the paths `path` and
    `found_as`.
    """

    def __init__(self, carried: Path, installed: Path, raw: Iterable[Path] = ()) -> None:
        self.carried = carried
        self.installed = installed
        self.raw = tuple(raw)
        self._warned_of: set[str] = set()

    def ids(self) -> list[str]:
        """Names of all networks."""
        found = (file.parent.name for root in (self.carried, self.installed) for file in root.glob(f"*/{MANIFEST}"))
        return sorted({name for name in found if not name.startswith(".")})

    def manifest(self, model_id: str) -> Manifest:
        """The manifest of a network. Raises UnknownModel, ManifestError."""
        for root in (self.installed, self.carried):
            file = root / model_id / MANIFEST
            if file.is_file():
                return read_manifest(file)
        raise _not_in_catalog("model", model_id, self.ids())

    def original(self, model_id: str) -> Manifest:
        """The manifest that the program carries, whatever is installed. Raises UnknownModel, ManifestError."""
        file = self.carried / model_id / MANIFEST
        return read_manifest(file) if file.is_file() else self.manifest(model_id)

    def sets(self) -> dict[str, ModelSet]:
        """All model sets by name; an installed `sets.toml` adds to the carried one. Raises ManifestError."""
        return {name: each for found in self._sets_files() for name, each in found.sets.items()}

    def aliases(self) -> dict[str, str]:
        """Names that model sets had before, and today's. Raises ManifestError."""
        return {old: new for found in self._sets_files() for old, new in found.aliases.items()}

    def set_name(self, name: str) -> str:
        """Today's name of a model set; an earlier one keeps working, with one warning. Raises ManifestError."""
        new = self.aliases().get(name, name)
        if new == name or name in self.sets():
            return name
        if name not in self._warned_of:
            self._warned_of.add(name)
            _log.warning("model set %s is called %s now; `passerby config migrate` rewrites a file", name, new)
        return new

    def model_set(self, name: str) -> ModelSet:
        """A model set, by today's or an earlier name. Raises UnknownModel, ManifestError."""
        sets = self.sets()
        today = self.set_name(name)
        if today not in sets:
            raise _not_in_catalog("model set", name, sets)
        return sets[today]

    def _sets_files(self) -> list[ModelSets]:
        files = (root / SETS for root in (self.carried, self.installed))
        return [read_sets(file) for file in files if file.is_file()]

    def set_and_version(self, name: str) -> str:
        """Name and version of a model set: `best@1.0.0`. Raises UnknownModel, ManifestError."""
        today = self.set_name(name)
        return f"{today}@{self.model_set(today).version}"

    def locate(self, model_id: str, kinds: Collection[str] | None = None) -> Located:
        """Find the files of a network and check their sha256; kinds: only artefacts of these.

        Raises ModelNotFound with what is missing and how to get it, ManifestError for an installed file that is wrong.
        """
        manifest = self.manifest(model_id)
        wanted = [artefact for artefact in manifest.artefacts if kinds is None or artefact.kind in kinds]
        wrong: ManifestError | None = None
        for place, root in (("installed", self.installed), ("carried", self.carried)):
            there = [artefact for artefact in wanted if _all_there(artefact, root / model_id)]
            if there:
                try:
                    _need_right(there, root / model_id, model_id)
                except ManifestError as error:  # an earlier release's file must not hide the one that came with this
                    wrong = wrong or error
                    continue
                if wrong is not None:
                    _log.warning("%s; taking the one that the package carries", wrong)
                return Located(_narrow(manifest, there), root / model_id, place)
        if wrong is not None:
            raise wrong
        for root in self.raw:
            read_in_place = [moved for artefact in wanted if (moved := _find_in(artefact, root))]
            if read_in_place:
                return Located(_narrow(manifest, read_in_place), root, "found")
        raise _not_installed(manifest, wanted, kinds)


def open_catalog(environment: Mapping[str, str] = os.environ) -> Catalog:
    """The catalog of this machine, by `PASSERBY_MODELS` and `PASSERBY_SHARED` where they are set; reads nothing yet."""
    installed, shared = models_dir(), shared_dir(environment)
    if shared is not None:
        _log.info("PASSERBY_SHARED is set: networks may be read from %s", shared / "models")
    material = [] if shared is None else [shared / "models"]
    return Catalog(_carried_folder(), installed, [installed, *material, *_site_of("cv2")])


def shared_dir(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of test material that `PASSERBY_SHARED` names; None where it is not set."""
    return Path(folder) if (folder := environment.get("PASSERBY_SHARED")) else None


def _carried_folder() -> Path:
    """`edge/models` in a wheel, `models` beside `edge` in a checkout."""
    package = Path(__file__).parents[1]
    packed = package / "models"
    return packed if packed.is_dir() else package.parent / "models"


def _site_of(package: str) -> list[Path]:
    """The folder that a package is installed in, found without importing it: it may carry a network's file."""
    spec = importlib.util.find_spec(package)
    return [Path(spec.origin).parents[1]] if spec and spec.origin else []


def _all_there(artefact: Artefact, folder: Path) -> bool:
    return all((folder / file.path).is_file() for file in artefact.files)


def _need_right(artefacts: Iterable[Artefact], folder: Path, model_id: str) -> None:
    for artefact in artefacts:
        for file in artefact.files:
            check = check_file(folder / file.path, file)
            if check.fault:
                raise refuse(check, f"install it again: `passerby models import {model_id} --from FOLDER`, or fetch")


def _find_in(artefact: Artefact, root: Path) -> Artefact | None:
    """The artefact with each path replaced by where the right file lies under root, or None."""
    files = [_find_file(file, root) for file in artefact.files]
    if any(file is None for file in files):
        return None
    return msgspec.structs.replace(artefact, files=tuple(files))


def _find_file(file: ModelFile, root: Path) -> ModelFile | None:
    for path in (file.path, *file.found_as):
        if not check_file(root / path, file).fault:
            return msgspec.structs.replace(file, path=path)
    return None


def _narrow(manifest: Manifest, artefacts: Iterable[Artefact]) -> Manifest:
    return msgspec.structs.replace(manifest, artefacts=tuple(artefacts))


def _not_in_catalog(what: str, name: str, known: Collection[str]) -> UnknownModel:
    near = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]}?" if near else "`passerby models list` shows all"
    return UnknownModel(explain(f"unknown {what}", got=name, expected=" | ".join(sorted(known)), next_step=advice))


def _not_installed(manifest: Manifest, wanted: list[Artefact], kinds: Collection[str] | None) -> ModelNotFound:
    if not wanted:
        there = ", ".join(sorted({artefact.kind for artefact in manifest.artefacts}))
        expected = f"one of {', '.join(sorted(kinds or ()))}"
        return ModelNotFound(explain("no fitting artefact", where=manifest.id, got=there, expected=expected))
    missing = " or ".join(" + ".join(file.path for file in artefact.files) for artefact in wanted)
    return ModelNotFound(
        explain(f"not installed, missing {missing}", where=manifest.id, next_step=how_to_get(manifest))
    )


def how_to_get(manifest: Manifest) -> str:
    """The commands that install a network's files, as advice."""
    commands = [f"`passerby models import {manifest.id} --from FOLDER`"]
    if any(all(file.url for file in artefact.files) for artefact in manifest.artefacts):
        commands.insert(0, f"`passerby models fetch {manifest.id}`")
    if manifest.decoder == "adience":
        commands.append("for a comparison of speed, the same with `--random-weights 1`")
    return "get it with " + ", or ".join(commands)
