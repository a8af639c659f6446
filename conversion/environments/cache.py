"""The cache folder, outside the tree: environments and downloads that are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(name: str, variables: Mapping[str, str] | None = None) -> Path:
    """The part of this name below PASSERBY_CACHE, else below XDG_CACHE_HOME or ~/.cache.

    variables: stand in for the process's own.
    """
    found = os.environ if variables is None else variables
    if own := found.get("PASSERBY_CACHE"):
        return Path(own).expanduser().resolve() / name
    root = found.get("XDG_CACHE_HOME")
    home = Path(root) if root else Path(found.get("HOME", "~")).expanduser() / ".cache"
    return home / "passerby" / name
