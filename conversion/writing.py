"""A folder of files that is there whole or not at all. (Single files: `training.reports.files`.)"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.catalog.manifests import MANIFEST
from edge.errors import UsageError, explain

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
"""What a disk says that takes no more."""
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}

WRITTEN = {MANIFEST, "report.json", "errors.png"}
"""What a conversion writes beside the artefacts, whose names begin with the network's."""


@contextmanager
def writing_aside(out: Path, name: str) -> Iterator[Path]:
    """A new folder that takes the place of `out/<name>` when all went well, and is gone when not. Raises UsageError.

    So are `out` and its parents where they were made for it.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        _need_own(out / name)
        staging = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=out))
        try:
            yield staging
            staging.chmod(0o755)
            _swap(staging, out / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        raise _refused(error, out) from error
    finally:
        _remove_empty(made)


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
    """Refuse to replace a folder that holds what no conversion wrote: files that its manifest does not name."""
    manifest = folder / MANIFEST
    named = manifest.read_text() if manifest.is_file() else ""
    names = [each.name for each in folder.glob("*")]
    others = [name for name in names if name not in WRITTEN and name not in named and not name.startswith(folder.name)]
    if others:
        got, next_step = ", ".join(sorted(others)[:3]), "move them, or give another folder with --out"
        raise UsageError(explain("holds files of somebody else", where=str(folder), got=got, next_step=next_step))


def _swap(staging: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.replace(old)
    staging.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
