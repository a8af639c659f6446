"""Puts files of a network into the models folder: checked first, then in one step or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge.catalog.files import FileCheck, check_file, refuse
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Artefact, Manifest, ModelFile
from edge.catalog.manifest_file import MANIFEST, read_manifest, write_manifest
from edge.errors import BadInput, ModelNotFound, UsageError, explain
from edge.files import made_aside, put_in_place

MAX_FILES = 100_000
"""Most files that are examined in a folder of `models import`."""


def import_model(catalog: Catalog, model_id: str, source: Path) -> Path:
    """Install every artefact of a network whose files lie anywhere below source, whatever they are called.

    A source that holds the network's own manifest is a bundle: it is taken whole, its manifest too. Returns the folder
    that holds them. Raises ModelNotFound, ManifestError for a file of the right name and the wrong content or a bundle
    that is not whole, BadInput for a source that is not a folder, UsageError where the models folder cannot be written.
    """
    for folder in (source, source / model_id):
        if folder.name == model_id and (folder / MANIFEST).is_file():
            return _import_bundle(catalog, folder)
    manifest = catalog.original(model_id)
    files = find_files([file for artefact in manifest.artefacts for file in artefact.files], source)
    complete = [artefact for artefact in manifest.artefacts if all(file in files for file in artefact.files)]
    if not complete:
        raise _explain_missing(manifest, files, source)
    return install(catalog, manifest, {file: files[file] for artefact in complete for file in artefact.files})


def _import_bundle(catalog: Catalog, folder: Path) -> Path:
    """Install a folder that holds a manifest and every file that it names. Raises ManifestError."""
    manifest = read_manifest(folder / MANIFEST)
    files = {file: folder / file.path for artefact in manifest.artefacts for file in artefact.files}
    for file, path in files.items():
        check = check_file(path, file)
        if path.is_symlink():
            check = FileCheck(file, path, "a link")
        if check.fault:
            raise refuse(check, "the bundle is not whole; nothing was installed")
    return install(catalog, manifest, files, override=True)


def install(catalog: Catalog, manifest: Manifest, files: Mapping[ModelFile, Path], *, override: bool = False) -> Path:
    """Copy checked files into the network's folder in one step; right files of the network that are there stay.

    override: write the manifest too, in place of the one that the program carries. Returns the folder. Raises
    ManifestError where a copy is not the manifest's file, UsageError where the models folder cannot be written.
    """
    folder = catalog.installed / manifest.id
    with writing(catalog.installed), _locked(catalog.installed):
        if not override and not (folder / MANIFEST).exists() and all(_is_right(folder, file) for file in files):
            return folder
        with made_aside(folder) as staging:
            _fill(staging, files)
            _keep_installed(staging, folder, manifest)
            if override:
                (staging / MANIFEST).write_text(write_manifest(manifest))
            elif not (catalog.carried / manifest.id / MANIFEST).exists():  # somebody's own network
                shutil.copyfile(folder / MANIFEST, staging / MANIFEST)
            put_in_place(staging, folder)
    return folder


def check_model(catalog: Catalog, manifest: Manifest) -> list[FileCheck]:
    """Check the files that would be opened: installed, carried, or read in place from a folder of others.

    A network of which nothing is there gives an empty list. Raises ManifestError.
    """
    for root in (catalog.installed, catalog.carried):
        folder = root / manifest.id
        files = [file for artefact in manifest.artefacts for file in artefact.files]
        there = [file for file in files if (folder / file.path).exists()]
        if there:
            return [check_file(folder / file.path, file) for file in _with_their_artefacts(manifest, there)]
    try:
        located = catalog.locate(manifest.id)
    except ModelNotFound:
        return []
    files = [file for artefact in located.manifest.artefacts for file in artefact.files]
    return [check_file(located.folder / file.path, file) for file in files]


def find_files(wanted: list[ModelFile], source: Path) -> dict[ModelFile, Path]:
    """Where below source the wanted files lie, by size and sha256. Raises BadInput where source is not a folder."""
    if not source.is_dir():
        raise BadInput(explain("not a folder", where=str(source), next_step="--from takes the folder of the files"))
    sizes = {file.size for file in wanted}
    paths = [path for path in _walk(source) if path.stat().st_size in sizes]
    found: dict[ModelFile, Path] = {}
    for file in wanted:
        likely_first = sorted(paths, key=lambda path: (not _is_called(path, source, file), path))
        right = next((path for path in likely_first if not check_file(path, file).fault), None)
        if right:
            found[file] = right
    return found


@contextmanager
def writing(models: Path) -> Iterator[None]:
    """Make the models folder; name it in one line where it or the disk refuses. Raises UsageError."""
    try:
        models.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it may be the state folder
        models.mkdir(exist_ok=True)
        yield
    except OSError as error:
        next_step = "set PASSERBY_MODELS to a folder that may be written"
        message = explain(f"cannot be written ({error.strerror or error})", where=str(models), next_step=next_step)
        raise UsageError(message) from error


def _walk(source: Path) -> Iterator[Path]:
    seen = 0
    for folder, _, names in os.walk(source):
        for name in names:
            seen += 1
            if seen > MAX_FILES:
                next_step = "name the folder that holds the model's files"
                raise BadInput(explain(f"more than {MAX_FILES} files", where=str(source), next_step=next_step))
            path = Path(folder, name)
            if path.is_file():
                yield path


def _is_called(path: Path, source: Path, file: ModelFile) -> bool:
    names = {Path(name).name for name in (file.path, *file.found_as)}
    return path.name in names or str(path.relative_to(source)) in file.found_as


def _explain_missing(manifest: Manifest, found: Mapping[ModelFile, Path], source: Path) -> Exception:
    """The error for a folder without any whole artefact; a file with the right name and other content comes first."""
    nearest = max(manifest.artefacts, key=lambda artefact: sum(file in found for file in artefact.files))
    missing = [file for file in nearest.files if file not in found]
    for file in missing:
        for path in sorted(path for path in _walk(source) if _is_called(path, source, file)):
            return refuse(check_file(path, file), "nothing was installed; get the file from its official address")
    names = ", ".join(file.path for file in missing)
    return ModelNotFound(
        explain(f"{manifest.id} is not in this folder, missing {names}", where=str(source), expected=_sizes(nearest))
    )


def _sizes(artefact: Artefact) -> str:
    return ", ".join(f"{file.path} of {file.size} bytes" for file in artefact.files)


def _is_right(folder: Path, file: ModelFile) -> bool:
    return not check_file(folder / file.path, file).fault


def _with_their_artefacts(manifest: Manifest, there: list[ModelFile]) -> list[ModelFile]:
    """The files of every artefact of which at least one file is there."""
    begun = [artefact for artefact in manifest.artefacts if any(file in there for file in artefact.files)]
    return [file for artefact in begun for file in artefact.files]


@contextmanager
def _locked(models: Path) -> Iterator[None]:
    """One installation at a time; the lock ends with the process, however that ends."""
    with (models / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fill(staging: Path, files: Mapping[ModelFile, Path]) -> None:
    for file, path in files.items():
        copy = staging / file.path
        shutil.copyfile(path, copy)
        check = check_file(copy, file)
        if check.fault:
            raise refuse(
                FileCheck(file, path, check.fault), "the file changed while it was read; nothing was installed"
            )
        with copy.open("rb") as stream:
            os.fsync(stream.fileno())


def _keep_installed(staging: Path, folder: Path, manifest: Manifest) -> None:
    for artefact in manifest.artefacts:
        for file in artefact.files:
            if not (staging / file.path).exists() and _is_right(folder, file):
                shutil.copyfile(folder / file.path, staging / file.path)
