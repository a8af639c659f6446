"""A folder of files that is there whole or not at all. (Single files: `edge.files`.)"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.catalog.manifest_file import MANIFEST, read_manifest
from edge.errors import ManifestError, UsageError, explain
from edge.files import made_aside, put_in_place

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
"""What a disk says that takes no more."""
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
MOVE = "move them, or give another folder with --out"
IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}

WRITTEN = {MANIFEST, "report.json", "errors.png"}
"""What a conversion writes beside the artefacts, which its manifest names."""


@contextmanager
def writing_aside(out: Path, name: str) -> Iterator[Path]:
    """A new folder that takes the place of `out/<name>` when all went well, and is gone when not. Raises UsageError.

    So are `out` and its parents where they were made for it. A folder without a manifest never takes the place of one
    that has one: it becomes `out/<name>-missed`.
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
    """Where the report of a conversion goes of which nothing passed, beside the folder of one that is better."""
    return folder.with_name(f"{folder.name}-missed")


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, up to the first that holds something."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _refused(error: OSError, out: Path) -> UsageError:
    """The one line of an error of the file system, with what helps against it."""
    reason, where = error.strerror or str(error), str(error.filename or out)
    if error.errno in FULL:
        advice = "free some space there and in the temporary folder, or give another folder with --out"
    elif error.errno in FORBIDDEN:
        advice = "you may not write there: give another folder with --out"
    elif error.errno in IN_THE_WAY:
        advice = "a file has the name of a folder: give another folder with --out"
    else:
        advice = "give another folder with --out"
    is_of_out = out in (Path(where), *Path(where).parents) or Path(where) in out.parents
    what = "cannot be written" if is_of_out or error.errno in FULL else "cannot be read or written"
    return UsageError(explain(f"{what} ({reason})", where=where, next_step=advice))


def _need_own(folder: Path) -> None:
    """Refuse to replace what no conversion wrote: a file, a link, or a folder with more than its manifest names."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
    if not folder.exists():
        return
    try:
        manifest = read_manifest(folder / MANIFEST) if (folder / MANIFEST).exists() else None
    except ManifestError as error:
        raise UsageError(explain(f"holds a manifest of somebody else ({error})", next_step=MOVE)) from error
    named = {file.path for artefact in manifest.artefacts for file in artefact.files} if manifest else set[str]()
    others = [each.name for each in folder.iterdir() if not _is_plain(each) or each.name not in WRITTEN | named]
    if others:
        got = ", ".join(sorted(others)[:3])
        raise UsageError(explain("holds files of somebody else", where=str(folder), got=got, next_step=MOVE))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
