"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge.errors import BadInput, explain


def write_whole(files: Mapping[Path, bytes]) -> None:
    """Write all files beside their places first, then put each into its own. Raises BadInput where a write fails."""
    written: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            written[path] = _write_beside(path, content)
        for path, temporary in written.items():
            temporary.replace(path)
    except OSError as error:
        where = str(error.filename or next(iter(files)))
        raise BadInput(explain(f"cannot be written ({error.strerror})", where=where)) from error
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def _write_beside(path: Path, content: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
