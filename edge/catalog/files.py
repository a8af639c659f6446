"""Whether a file is the one that a manifest names: size first, then sha256."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from edge.catalog.manifest import ModelFile
from edge.errors import ManifestError, explain

CHUNK_BYTES = 1 << 20


class FileCheck(NamedTuple):
    """One file of a model and what is wrong with it: `fault` is empty when it is the right one."""

    file: ModelFile
    path: Path
    fault: str


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def check_file(path: Path, file: ModelFile) -> FileCheck:
    """Compare a file with its entry in a manifest."""
    return FileCheck(file, path, _fault(path, file))


def refuse(check: FileCheck, next_step: str) -> ManifestError:
    """The error for a file that is not the manifest's."""
    return ManifestError(
        explain(
            f"this is not {check.file.path}",
            where=str(check.path),
            got=check.fault,
            expected=f"{check.file.size} bytes with sha256 {check.file.sha256}",
            next_step=next_step,
        )
    )


def _fault(path: Path, file: ModelFile) -> str:
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"{size} bytes"
        digest = sha256_of(path)
    except FileNotFoundError:
        return "nothing"
    except OSError as error:
        return f"a file that cannot be read ({error.strerror})"
    return "" if digest == file.sha256 else f"sha256 {digest}"
