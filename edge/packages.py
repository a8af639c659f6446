"""Packages of an extra: said by name where one is missing, found without importing it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from edge.errors import BackendUnavailable


def need_packages(whose: str, packages: Iterable[str], *, extra: str) -> None:
    """Raise BackendUnavailable for the first that is not installed. whose: the command or part that wants them.

    Of a dotted name the first part is looked for: `google.protobuf` is missing where `google` is.
    """
    for name in packages:
        if find_spec(name.partition(".")[0]) is None:
            raise missing_package(whose, name, extra=extra)


def missing_package(whose: str, package: str, *, extra: str) -> BackendUnavailable:
    """The error that names the package and the extra that brings it."""
    return BackendUnavailable(whose, f"package {package} is missing; install passerby[{extra}]")
