"""Ctrl-C ends a command with the exit code that a shell expects."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from edge.errors import INTERRUPTED

P = ParamSpec("P")


def interruptible(command: Callable[P, None]) -> Callable[P, None]:
    """The command, ending with 130 and one line at Ctrl-C, without a traceback."""

    @wraps(command)
    def run(*words: P.args, **flags: P.kwargs) -> None:
        try:
            command(*words, **flags)
        except KeyboardInterrupt:
            sys.stderr.write("passerby: stopped by Ctrl-C\n")
            raise typer.Exit(INTERRUPTED) from None

    return run
