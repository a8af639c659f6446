"""The cache folder, outside the source tree, for environments and downloads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(name: str, variables: Mapping[str, str] | None = None) -> Path:
    """The folder of this name in PASSERBY_CACHE, else in `passerby` below XDG_CACHE_HOME or ~/.cache.

    variables: used in place of the process's environment.
    """
    found = os.environ if variables is None else variables
    if own := found.get("PASSERBY_CACHE"):
        return Path(own).expanduser().resolve() / name
    root = found.get("XDG_CACHE_HOME")
    home = Path(root) if root else Path(found.get("HOME", "~")).expanduser() / ".cache"
    return home / "passerby" / name
