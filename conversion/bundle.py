"""The two folders of a conversion: what `convert run` wrote, and the bundle of it that the device loads as it is.

Both hold a manifest and the files that it names, and both appear whole or not at all.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.catalog.files import check_file, refuse
from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import MANIFEST, read_manifest, write_manifest
from edge.errors import ManifestError, UsageError, explain
from edge.files import made_aside, put_in_place

WRITTEN = {MANIFEST, "report.json", "errors.png"}
"""What a conversion writes beside the artefacts, which its manifest names."""
FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
"""Errors of a disk that has no space left."""
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}
MOVE = "move them, or give another folder with --out"


def read_written(folder: Path) -> Manifest:
    """Read the manifest of a folder that a conversion wrote, or of a bundle. Raises ManifestError."""
    if not (folder / MANIFEST).is_file():
        what = f"no {MANIFEST} in this folder" if folder.is_dir() else "not a folder"
        next_step = "give the folder that `passerby convert run` wrote; without an artefact that passed there is none"
        raise ManifestError(explain(what, where=str(folder), next_step=next_step))
    return read_manifest((folder / MANIFEST).resolve())


def write_bundle(folder: Path, out: Path) -> Path:
    """Copy what the device needs from a conversion's folder to `out/<id>`: every file checked, nothing else.

    The same folder gives the same bytes. Raises ManifestError where a file is changed or missing, or where the folder
    has no manifest; UsageError where the folder cannot be used or the disk refuses the write.
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


@contextmanager
def writing_aside(out: Path, name: str) -> Iterator[Path]:
    """Yield a new folder that replaces `out/<name>` after success and is removed after a failure.

    After a failure, `out` and its parents are removed too where they were made for it. A folder without a manifest
    never replaces one that has a manifest: it becomes `out/<name>-missed`. Raises UsageError where the file system
    refuses, or where the old folder holds anything that no conversion wrote.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        places = out / name, missed_folder(out / name)
        for place in places:
            _need_own(place)
        with made_aside(out / name) as staging:
            yield staging
            keeps = (out / name / MANIFEST).exists() and not (staging / MANIFEST).exists()
            put_in_place(staging, places[keeps])
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        raise _refused(error, out) from error
    finally:
        _remove_empty(made)


def missed_folder(folder: Path) -> Path:
    """Where the report goes when no artefact passed and the folder of an earlier conversion has one that did."""
    return folder.with_name(f"{folder.name}-missed")


def _need_own(folder: Path) -> None:
    """Refuse to replace what no conversion wrote: a file, a link, or a folder with more than its manifest names."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
    if not folder.exists():
        return
    try:
        manifest = read_manifest(folder / MANIFEST) if (folder / MANIFEST).exists() else None
    except ManifestError as error:
        raise UsageError(explain(f"holds somebody else's manifest ({error})", next_step=MOVE)) from error
    named = {file.path for artefact in manifest.artefacts for file in artefact.files} if manifest else set[str]()
    others = [each.name for each in folder.iterdir() if not _is_plain(each) or each.name not in WRITTEN | named]
    if others:
        got = ", ".join(sorted(others)[:3])
        raise UsageError(explain("holds somebody else's files", where=str(folder), got=got, next_step=MOVE))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, up to the first that is not empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _refused(error: OSError, out: Path) -> UsageError:
    """A file system's error in one line, with the next step."""
    reason, where = error.strerror or str(error), str(error.filename or out)
    is_of_out = out in (Path(where), *Path(where).parents) or Path(where) in out.parents
    what = "cannot be written" if is_of_out or error.errno in FULL else "cannot be read or written"
    return UsageError(explain(f"{what} ({reason})", where=where, next_step=_next_step(error)))


def _next_step(error: OSError) -> str:
    another = "give another folder with --out"
    if error.errno in FULL:
        return f"free some space there and in the temporary folder, or {another}"
    if error.errno in FORBIDDEN:
        return f"you may not write there: {another}"
    return f"a file has the name of a folder: {another}" if error.errno in IN_THE_WAY else another
