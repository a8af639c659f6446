"""What a person sees while a network trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from training.runs.logs import Epoch


class Ticks(NamedTuple):
    """What the progress bar shows after a batch."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    losses: dict[str, float]


@contextmanager
def progress_bar(shown: bool) -> Iterator[Callable[[Ticks], None]]:
    """A bar on stderr over all epochs, with losses and the time left; yields a callback for each batch."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as progress:
        task = progress.add_task("", total=None, losses="")

        def on_batch(ticks: Ticks) -> None:
            losses = " ".join(f"{name} {value:.3f}" for name, value in ticks.losses.items())
            done = ticks.epoch * ticks.batches + ticks.batch
            description = f"epoch {ticks.epoch + 1}/{ticks.epochs}"
            progress.update(
                task, completed=done, total=ticks.epochs * ticks.batches, description=description, losses=losses
            )

        yield on_batch


def describe(epoch: Epoch[Any]) -> str:
    """One line about an epoch, for a person."""
    line = f"epoch {epoch.epoch}: loss {epoch.losses['total']:.3f}, {epoch.seconds:.0f} s"
    return line if epoch.validation is None else f"{line}; held out: {epoch.validation}"
