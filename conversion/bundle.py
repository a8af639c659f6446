"""A bundle: a folder with a manifest and the files that it names, which the device loads as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from conversion.writing import writing_aside
from edge.catalog.files import check_file, refuse
from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import MANIFEST, read_manifest, write_manifest
from edge.errors import ManifestError, UsageError, explain


def read_written(folder: Path) -> Manifest:
    """The manifest of a folder that a conversion wrote, or of a bundle. Raises ManifestError."""
    if not (folder / MANIFEST).is_file():
        what = f"no {MANIFEST} in this folder" if folder.is_dir() else "not a folder"
        next_step = "give the folder that `passerby convert run` wrote; without an artefact that passed there is none"
        raise ManifestError(explain(what, where=str(folder), next_step=next_step))
    return read_manifest((folder / MANIFEST).resolve())


def write_bundle(folder: Path, out: Path) -> Path:
    """Copy what the device needs of a conversion's folder to `out/<id>`: every file checked, nothing else.

    The same folder gives the same bytes. Raises ManifestError where a file was changed or is missing, or the manifest
    names none; UsageError where the folder or the disk refuses.
    """
    manifest = read_written(folder)
    if (out / manifest.id).resolve() == folder.resolve():
        next_step = "give another folder with --out"
        raise UsageError(explain("the bundle would replace what it is made of", where=str(folder), next_step=next_step))
    files = [file for artefact in manifest.artefacts for file in artefact.files]
    for file in files:
        check = check_file(folder / file.path, file)
        if check.fault:
            raise refuse(check, "convert again; nothing was written")
    with writing_aside(out, manifest.id) as staging:
        for file in files:
            shutil.copyfile(folder / file.path, staging / file.path)
        (staging / MANIFEST).write_text(write_manifest(manifest))
    return out / manifest.id
