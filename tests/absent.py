"""Runs pytest as on a machine that lacks a package: `python tests/absent.py PACKAGE [ARGUMENT...]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any

import pytest


class Lacking:
    """A finder that finds what another one finds, but for one package."""

    def __init__(self, finder: Any, package: str) -> None:
        self._finder, self._package = finder, package

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] == self._package:
            return None
        return self._finder.find_spec(name, path, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


if __name__ == "__main__":
    sys.meta_path[:] = [Lacking(finder, sys.argv[1]) for finder in sys.meta_path]
    sys.exit(pytest.main(sys.argv[2:]))
