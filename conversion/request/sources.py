"""Gets the files that a conversion starts from: from a folder, the catalog, or their official addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conversion.environments.cache import cache_folder
from conversion.request.recipe import Recipe, SourceFile, StartKind, manifest_of, start_files
from edge.catalog.fetch import fetch_model
from edge.catalog.files import check_file, refuse
from edge.catalog.install import find_files
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Artefact, Manifest, ModelFile
from edge.catalog.manifest_file import MANIFEST, write_manifest
from edge.errors import BadInput, ModelNotFound, UsageError, explain


@dataclass(frozen=True, slots=True)
class Start:
    """What a conversion starts from: the manifest of the network, the kind of its files, and their paths.

    beside: other files that affect its outputs, such as the mean's.
    """

    manifest: Manifest
    kind: StartKind
    paths: tuple[Path, ...]
    beside: tuple[Path, ...] = ()


def find_start(recipe: Recipe, catalog: Catalog, folder: Path | None, downloads: Path | None = None) -> Start:
    """Find the files of a recipe: in the folder where one is given; else in the catalog's places, else by download.

    downloads: folder that keeps downloaded files, by default one of `conversion.environments.cache`. Raises
    ModelNotFound with what is missing, ManifestError for a file with the right name and the wrong content.
    """
    manifest = manifest_of(recipe, catalog)
    choices = start_files(recipe, manifest)
    for kind, files in choices:
        paths = _locate(files, folder, catalog)
        if paths:
            return Start(manifest, kind, paths)
    if folder is not None:
        raise _missing(recipe, choices[0][1], folder)
    for kind, files in choices:
        if all(file.url and file.sha256 for file in files):
            return Start(manifest, kind, _fetch(manifest, kind, files, downloads or cache_folder("sources")))
    next_step = f"get the files yourself and give their folder: --from FOLDER ({_names(choices[0][1])})"
    raise ModelNotFound(explain("no address with a known sha256", where=recipe.id, next_step=next_step))


def start_from(kind: StartKind, paths: Sequence[Path], manifest: Manifest, model_id: str) -> Start:
    """Start from the user's own files, read as another network's manifest says. Raises BadInput for a missing file."""
    for path in paths:
        if not path.is_file():
            raise BadInput(explain("no such file", where=str(path)))
    changed = msgspec.structs.replace(manifest, id=model_id, metrics={}, source=f"own files, read as {manifest.id}")
    return Start(changed, kind, tuple(paths))


def _locate(files: Sequence[SourceFile], folder: Path | None, catalog: Catalog) -> tuple[Path, ...]:
    """The paths of all the files, or nothing where one is missing."""
    roots = [folder] if folder else [*catalog.raw, *catalog.installed.glob("*"), *catalog.carried.glob("*")]
    found: dict[str, Path] = {}
    for root in (each for each in roots if each.is_dir()):
        for file in files:
            path = _find(file, root, deep=folder is not None)
            if path and file.path not in found:
                found[file.path] = path
    return tuple(found[file.path] for file in files) if len(found) == len(files) else ()


def _find(file: SourceFile, root: Path, *, deep: bool) -> Path | None:
    if not file.sha256:
        return _only(file.path, root) if deep else None
    known = _model_file(file)
    if deep:
        return find_files([known], root).get(known)
    places = (root / name for name in (file.path, *file.found_as))
    return next((path for path in places if path.is_file() and not check_file(path, known).fault), None)


def _only(name: str, root: Path) -> Path | None:
    """The only file of this name below a folder; its content is not checked. Raises BadInput for several."""
    found = [path for path in sorted(root.rglob(name)) if path.is_file()]
    if len(found) > 1:
        got, next_step = " and ".join(map(str, found[:2])), "name a folder that holds only the right one"
        raise BadInput(explain(f"several files called {name}", where=str(root), got=got, next_step=next_step))
    return found[0] if found else None


def _fetch(manifest: Manifest, kind: StartKind, files: Sequence[SourceFile], folder: Path) -> tuple[Path, ...]:
    """Download with the catalog's own `fetch_model`, into a catalog of sources. Raises as that, and UsageError."""
    artefact = Artefact(kind=kind, files=tuple(_model_file(file) for file in files))
    wanted = msgspec.structs.replace(manifest, artefacts=(artefact,))
    described = folder / ".manifests" / manifest.id
    try:
        described.mkdir(parents=True, exist_ok=True)
        (described / MANIFEST).write_text(write_manifest(wanted))
    except OSError as error:
        next_step = "set PASSERBY_CACHE to a folder you may write to, or give the files' folder: --from FOLDER"
        what = f"cannot be written ({error.strerror or error})"
        raise UsageError(explain(what, where=str(folder), next_step=next_step)) from error
    catalog = Catalog(folder / ".manifests", folder)
    installed = fetch_model(catalog, manifest.id, otherwise="get the files and give their folder: --from FOLDER")
    return tuple(installed / file.path for file in files)


def _model_file(file: SourceFile) -> ModelFile:
    return ModelFile(path=file.path, sha256=file.sha256, size=file.size, url=file.url, found_as=file.found_as)


def _missing(recipe: Recipe, files: Sequence[SourceFile], folder: Path) -> Exception:
    """The error for missing files; a file with the right name and the wrong content is reported first."""
    for file in (each for each in files if each.sha256):
        for path in sorted(folder.rglob(file.path)):
            check = check_file(path, _model_file(file))
            if check.fault:
                return refuse(check, "for weights of your own use --caffe or --onnx")
    return ModelNotFound(explain(f"{recipe.id} is not in this folder", where=str(folder), expected=_names(files)))


def _names(files: Sequence[SourceFile]) -> str:
    return ", ".join(file.path for file in files)
