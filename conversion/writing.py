"""A folder of files that is there whole or not at all. (Single files: `training.reports.files`.)"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.catalog.manifests import MANIFEST
from edge.errors import UsageError, explain

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS}
"""What a disk says that takes no more."""


WRITTEN = {MANIFEST, "report.json", "errors.png"}
"""What a conversion writes beside the artefacts, whose names begin with the network's."""


@contextmanager
def writing_aside(out: Path, name: str) -> Iterator[Path]:
    """A new folder that takes the place of `out/<name>` when all went well, and is gone when not. Raises UsageError."""
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
        reason = error.strerror or str(error)
        what = "cannot be written" if error.errno in FULL else "cannot be read or written"
        next_step = "free some space there and in the temporary folder, or give another folder with --out"
        where = str(error.filename or out)
        raise UsageError(explain(f"{what} ({reason})", where=where, next_step=next_step)) from error


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
