"""Clips, one after the other, through the networks of a model set: the part of the evaluation that runs them."""

from __future__ import annotations

from collections.abc import Sequence

from edge import __version__
from edge.errors import BadInput, SourceUnavailable
from edge.schemas.taxonomy import taxonomy
from edge.sensor.assemble import Networks
from edge.sensor.sources.path_kind import kind_of_source
from edge.settings.settings import Settings
from edge.terminal.progress import Progress
from edge.workbench.analyze.length import stated_pictures
from training.evaluation.counts.records import CountEvaluation
from training.evaluation.counts.scoring import Scores, add_up, as_result, score
from training.evaluation.counts.truth import Truth
from training.evaluation.counts.watching import observe

Fault = BadInput | SourceUnavailable


def evaluate_counts(
    pairs: Sequence[tuple[str, Truth]], settings: Settings, networks: Networks, progress: Progress
) -> tuple[CountEvaluation, list[Fault]]:
    """Score each clip against its truth. What cannot be read, or has the truth of another clip, is left out and
    returned. The caller adds the verdicts. Raises InferenceError.
    """
    brackets = taxonomy(settings.attributes.taxonomy)
    scores, faults = list[Scores](), list[Fault]()
    for clip, truth in pairs:
        try:
            progress.begin(clip, lambda clip=clip: stated_pictures(clip, kind_of_source(clip)))  # type: ignore[misc]
            scores.append(score(clip, truth, observe(clip, settings, networks, progress.tick), brackets))
        except (BadInput, SourceUnavailable) as fault:
            faults.append(fault)
    boxes = sum(each.identity is not None for each in scores)
    evaluation = CountEvaluation(
        version=__version__,
        model_set=f"{networks.name}@{networks.model_set.version}",
        target=networks.target,
        taxonomy=brackets.name,
        warnings=[*map(str, faults), *_warnings(scores, networks, boxes)],
        clips=[as_result(each, brackets, boxes=each.identity is not None) for each in scores],
        total=as_result(add_up(scores), brackets, boxes=boxes, clips=len(scores)) if len(scores) > 1 else None,
        verdicts=[],
    )
    return evaluation, faults


def _warnings(scores: Sequence[Scores], networks: Networks, boxes: int) -> list[str]:
    found = []
    for each in scores:
        if each.identity is None:
            found.append(f"{each.clip}: IDF1 is not available: its truth has no boxes, so visits were matched by time")
    if 0 < boxes < len(scores):
        found.append(f"IDF1 of all clips is over the {boxes} of {len(scores)} that have boxes")
    if networks.untrained:
        found.append(f"model set {networks.name} has random test weights: genders and brackets mean nothing")
    return found
