"""What a person sees while a network trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from training.attributes.loop import Epoch, Ticks


@contextmanager
def progress_bar(shown: bool) -> Iterator[Callable[[Ticks], None]]:
    """A bar on stderr over all epochs, with losses and the time left; gives what to call after batches."""
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


def describe(epoch: Epoch) -> str:
    """One line of an epoch."""
    line = f"epoch {epoch.epoch}: loss {epoch.losses['total']:.3f}, {epoch.seconds:.0f} s"
    found = epoch.validation
    if found is None:
        return line
    return (
        f"{line}; held out: error {found.mae_years:.2f} years, gender right {found.gender_percent:.1f} %; "
        f"18 to 75 years old: {found.mae_years_18_75:.2f} years, {found.gender_percent_18_75:.1f} %"
    )
