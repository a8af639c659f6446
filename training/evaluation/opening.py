"""From the command line to data sets and model sets, so that mistakes are reported before the work begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge.catalog.lookup import open_catalog
from edge.errors import UsageError, explain
from edge.settings.settings import Settings
from edge.terminal.progress import Progress, progress_bar
from edge.workbench.labelled.samples import Photographs
from edge.workbench.pages.printing import warn
from training.data.box_readers import open_boxed
from training.data.boxes import BoxedPhotographs
from training.data.collection import need_distinct_names
from training.data.readers import open_all
from training.data.subset import every_nth
from training.data.tar_csv import read_tar_csv
from training.evaluation.subject import Seen, Subject, look_through, open_network, open_set

T = TypeVar("T")


def open_data_sets(
    images: Sequence[str], labels: Sequence[Path] | None, *, aligned: bool, limit: int | None
) -> list[Photographs]:
    """Open the data sets of a command line, each with its label file or with labels read from its form. Raises
    UsageError, BadInput.
    """
    if labels and len(labels) != len(images):
        got = f"{len(images)} --images and {len(labels)} --labels"
        raise UsageError(explain("images and labels go in pairs", got=got, expected="as many of each, or no --labels"))
    if labels:
        pairs = zip(images, labels, strict=True)
        opened = [read_tar_csv(Path(place), csv, aligned=aligned) for place, csv in pairs]
    else:
        opened = open_all(images, aligned=aligned)
    need_distinct_names(opened)
    return [every_nth(each, limit) for each in opened] if limit else list(opened)


def open_boxed_sets(addresses: Sequence[str], limit: int | None) -> list[BoxedPhotographs]:
    """Open the data sets with face boxes of a command line, if any. Raises UsageError, BadInput."""
    opened = [open_boxed(address) for address in addresses]
    need_distinct_names(opened)
    return [each.every_nth(limit) for each in opened] if limit else opened


def subjects(
    model_sets: Sequence[str] | None, networks: Sequence[str] | None, settings: Settings, *, aligned: bool
) -> list[AbstractContextManager[Subject]]:
    """What is evaluated, in the order of the command line; each is opened when its turn comes.

    By default, the settings' model set. Raises UnknownModel, and UsageError for networks alone on pictures that are not
    aligned.
    """
    catalog = open_catalog()
    names = list(model_sets or ()) or ([] if networks else [settings.models.set])
    for name in names:
        catalog.model_set(name)
    for name in networks or ():
        catalog.manifest(name)
    if networks and not aligned:
        raise UsageError(
            explain("a network alone takes aligned pictures", where="--network", got=networks[0],
                    next_step="add --aligned, or give a model set, which has a detector")
        )  # fmt: skip
    alone = [open_network(name, settings, catalog) for name in networks or ()]
    return [*(open_set(name, settings, catalog) for name in names), *alone]


def look_at_each(
    opened: Sequence[AbstractContextManager[Subject]],
    sets: Sequence[Photographs],
    use: Callable[[Subject, Photographs, Seen], T],
    *,
    quiet: bool,
) -> tuple[list[T], list[str]]:
    """Take looks at every set with every subject, with a progress bar; returns the results of `use`, and warnings."""
    results, warnings = list[T](), dict[str, None]()
    with progress_bar(wanted=not quiet) as progress:
        for opening in opened:
            with opening as subject:
                for each in sets:
                    seen = look_with_progress(subject, each, progress)
                    warnings |= dict.fromkeys(seen.warnings)
                    results.append(use(subject, each, seen))
    warn(warnings)
    return results, list(warnings)


def look_with_progress(subject: Subject, photographs: Photographs, progress: Progress) -> Seen:
    """Run `look_through` with a progress bar."""
    progress.begin(f"{subject.name}: {photographs.name}", partial(len, photographs.samples))
    return look_through(subject, photographs, tick=progress.tick)
