"""A folder of files that is there whole or not at all. (Single files: `training.reports.files`.)"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import UsageError, explain

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS}
"""What a disk says that takes no more."""


@contextmanager
def writing_aside(out: Path, name: str) -> Iterator[Path]:
    """A new folder that takes the place of `out/<name>` when all went well, and is gone when not. Raises UsageError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
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


def _swap(staging: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.replace(old)
    staging.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
