"""`passerby evaluate adience`: the five-fold protocol on a copy of the set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge.errors import UsageError, explain
from edge.terminal.options import ConfigFile, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson, Limit, ModelSets

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from edge.workbench.labelled.samples import Photographs
    from training.evaluation.attributes.protocol import FoldScore
    from training.evaluation.subject import Subject


def adience(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with fold_*_data.txt and the pictures in aligned or faces.")
    ],
    model_set: ModelSets = None,
    target: TargetList = None,
    limit: Limit = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Print exact and one-off accuracy in Adience's bands, and gender accuracy: each fold, mean and deviation.

    A single model set is measured on every fold. To follow the protocol in full, give one per fold, in the folds'
    order, each trained without its fold.

    Examples:
      passerby evaluate adience sets/adience --model-set best
    """
    from edge.catalog.lookup import open_catalog
    from training.data.adience import read_folds
    from training.data.subset import every_nth
    from training.evaluation.opening import subjects

    settings = settings_from(config, with_flags(overrides, models_targets=target))
    folds = [every_nth(fold, limit) if limit else fold for fold in read_folds(folder)]
    names = _for_each_fold(model_set or [settings.models.set], len(folds))
    for name in names:
        open_catalog().model_set(name)
    scores = []
    numbered = list(enumerate(zip(names, folds, strict=True)))
    for name, run in groupby(numbered, key=lambda each: each[1][0]):
        (opening,) = subjects([name], None, settings, aligned=False)
        scores += _score(opening, [(number, fold) for number, (_, fold) in run], quiet=as_json)
    _print(scores, as_json=as_json)


def _for_each_fold(names: Sequence[str], folds: int) -> list[str]:
    if len(names) not in (1, folds):
        expected = f"one, or one for each of the {folds} folds"
        raise UsageError(explain("model sets for Adience", where="--model-set", got=len(names), expected=expected))
    return list(names) * folds if len(names) == 1 else list(names)


def _score(
    opening: AbstractContextManager[Subject], folds: Sequence[tuple[int, Photographs]], *, quiet: bool
) -> list[FoldScore]:
    """Scores of the folds that one model set is measured on; also prints what was left out."""
    from edge.terminal.progress import progress_bar
    from edge.workbench.pages.printing import warn
    from training.evaluation.attributes.protocol import score_fold
    from training.evaluation.opening import look_with_progress

    with opening as subject, progress_bar(wanted=not quiet) as progress:
        seen = [(number, look_with_progress(subject, fold, progress)) for number, fold in folds]
        scores = [score_fold(number, subject, each) for number, each in seen]
    warn(dict.fromkeys(line for _, each in seen for line in each.warnings))
    return scores


def _print(scores: Sequence[FoldScore], *, as_json: bool) -> None:
    from edge.workbench.pages.page import Rows
    from edge.workbench.pages.printing import print_json, print_table
    from training.evaluation.attributes.protocol import MEASURES, over_folds

    spreads = over_folds(scores)
    if as_json:
        mean = {word: {"mean": each.mean, "sd": each.sd} for word, each in spreads.items()}
        print_json({"schema": "passerby.adience/1", "folds": msgspec.to_builtins(scores), "over_folds": mean})
        return
    rows = [
        (f"fold {each.fold}", each.model_set, f"{each.photographs:,}", f"{each.without_face:,}", *_cells(each))
        for each in scores
    ]
    last = [f"{100 * spreads[w].mean:.1f} % ± {100 * spreads[w].sd:.1f}" if w in spreads else "-" for w in MEASURES]
    columns = ("", "model set", "photographs", "without a face", "exact", "one-off", "gender")
    print_table(Rows("Adience, five folds", columns, [*rows, ("mean ± sd", "", "", "", *last)]))


def _cells(score: FoldScore) -> list[str]:
    return [_per_cent(share) for share in (score.exact, score.one_off, score.gender)]


def _per_cent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
