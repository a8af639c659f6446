"""A progress bar on stderr, shown only at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich import progress


class Progress(Protocol):
    """Counts the pictures of one source after the other."""

    def begin(self, name: str, total: Callable[[], int | None]) -> None:
        """Start on a source. `total` is called only where the bar is shown; None when it is not known."""

    def tick(self) -> None:
        """One more picture is done."""


class _Hidden:
    def begin(self, name: str, total: Callable[[], int | None]) -> None:
        """Nothing is shown."""

    def tick(self) -> None:
        """Nothing is shown."""


@contextmanager
def progress_bar(*, wanted: bool) -> Iterator[Progress]:
    """A bar that vanishes at the end; nothing is shown where stderr is not a terminal or no bar is wanted.

    Lines written to stdout meanwhile stay above the bar where both are the same terminal.
    """
    if not (wanted and sys.stderr.isatty()):
        yield _Hidden()
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        yield _Bar(bar)


class _Bar:
    def __init__(self, bar: progress.Progress) -> None:
        self._bar = bar
        self._task: progress.TaskID | None = None

    def begin(self, name: str, total: Callable[[], int | None]) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=total())

    def tick(self) -> None:
        if self._task is not None:
            self._bar.advance(self._task)
