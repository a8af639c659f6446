"""Where lines go: standard output, or a file that has its name only once it is whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from edge.errors import UsageError
from edge.files import whole_file, written_to

STDOUT = "-"


@contextmanager
def line_output(target: str) -> Iterator[Callable[[str], None]]:
    """What writes one line to "-" or a file. The file is written under a temporary name and dropped on any exception.

    A pipe or device (`/dev/stdout`, `>(…)`) is written as it is: renaming would replace it.
    Raises UsageError when it cannot be written; BrokenPipeError when nobody reads standard output any more.
    """
    if target == STDOUT:
        yield lambda line: _write(sys.stdout, line, "standard output")
        return
    path = Path(target)
    if path.exists() and not path.is_file():
        with _opened(path, target) as file:
            yield lambda line: _write(file, line, target)
        return
    with whole_file(path) as partial, _opened(partial, target) as file:
        yield lambda line: _write(file, line, target)


def leave_stdout() -> None:
    """Send what is still to come nowhere, so that the end of the process does not complain of a closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def _opened(path: Path, where: str) -> Iterator[TextIO]:
    with written_to(where):
        file = path.open("w", encoding="utf-8")
    try:
        yield file
    finally:
        with written_to(where):  # what a full disk did not take is tried once more
            file.close()


def _write(file: TextIO, line: str, where: str) -> None:
    try:
        with written_to(where):
            file.write(f"{line}\n")
            file.flush()
    except UsageError:
        if file is sys.stdout:
            leave_stdout()
        raise
