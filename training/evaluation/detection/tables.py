"""Results of detectors as rows of text: the same for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.workbench.pages.page import Rows
from training.evaluation.detection.records import (
    BoxResult,
    ClipResult,
    DetectionEvaluation,
    DetectionVerdict,
    FaceSlice,
    LandmarkResult,
    PortraitResult,
    WiderResult,
)

NONE = "-"


def tables(evaluation: DetectionEvaluation) -> Iterator[Rows]:
    """Every table that has rows."""
    for data_set in dict.fromkeys(result.data_set for result in evaluation.boxes):
        results = [result for result in evaluation.boxes if result.data_set == data_set]
        yield box_table(results)
        yield slice_table(results)
    if evaluation.portraits:
        yield portrait_table(evaluation.portraits, evaluation.landmarks)
    if evaluation.clips:
        yield clip_table(evaluation.clips)
    if evaluation.wider:
        yield wider_table(evaluation.wider)


def box_table(results: Sequence[BoxResult]) -> Rows:
    """Average precision, and the measures at the manifest's score."""
    first = results[0]
    caption = (
        f"{first.data_set}: {first.faces:,} faces of {first.smallest_px:g} px and more in {first.pictures:,} pictures"
    )
    columns = ("detector, size", "AP50", "score", "precision", "recall", "false per picture")
    return Rows(
        caption,
        columns,
        [
            (
                each.detector, _share(each.ap50), f"{each.score:.2f}", _share(each.precision), _share(each.recall),
                f"{each.false_positives:.3f}",
            )
            for each in results
        ],
    )  # fmt: skip


def slice_table(results: Sequence[BoxResult]) -> Rows:
    """Recall by size, state and brightness, one row each."""
    kinds = list(dict.fromkeys((each.by, each.name, each.faces) for result in results for each in result.slices))
    rows = []
    for by, name, faces in kinds:
        cells = [_recall_of(result.slices, by, name) for result in results]
        rows.append([f"{by}: {name}", f"{faces:,}", *cells])
    return Rows("Recall at the manifest's score", ("faces", "count", *(each.detector for each in results)), rows)


def portrait_table(portraits: Sequence[PortraitResult], landmarks: Sequence[LandmarkResult]) -> Rows:
    """Photographs with a face, and how far landmarks lie from the references'."""
    errors = {(each.data_set, each.detector): each for each in landmarks}
    rows = []
    for each in portraits:
        error = errors.get((each.data_set, each.detector))
        rows.append(
            (
                each.data_set, each.detector, f"{each.photographs:,}", f"{100 * each.found:.2f} %",
                _share(error.mean_error if error else None), _share(error.error_90 if error else None),
                f"{error.faces:,}" if error else NONE,
            )
        )  # fmt: skip
    columns = ("data set", "detector, size", "photographs", "face found", "landmarks", "nine in ten", "faces")
    return Rows("Photographs; landmark errors as shares of the box's side", columns, rows)


def clip_table(clips: Sequence[ClipResult]) -> Rows:
    """Clips, judged by the majority of the references."""
    rows = [
        (
            each.clip, each.detector, f"{each.faces:,}", _share(each.recall), f"{each.false_positives:.3f}",
            _share(each.best_recall), f"{each.best_score:.2f}",
        )
        for each in clips
    ]  # fmt: skip
    columns = ("clip", "detector, size", "faces", "recall", "false per frame", "recall at most false", "at score")
    return Rows("Clips: a face is what two references see, background what none of them sees", columns, rows)


def wider_table(results: Sequence[WiderResult]) -> Rows:
    """WIDER FACE's levels."""
    rows = [(each.detector, _share(each.easy), _share(each.medium), _share(each.hard)) for each in results]
    return Rows("WIDER FACE, its own protocol: average precision", ("detector, size", "easy", "medium", "hard"), rows)


def detection_verdict_line(verdict: DetectionVerdict) -> str:
    """One line: met or missed."""
    value = "not measured" if verdict.value is None else f"{verdict.value:.4f}"
    place = f"{verdict.detector} on {verdict.data_set}: " if verdict.detector else ""
    return f"{'met' if verdict.met else 'MISSED'}: {verdict.requirement}; {place}{value}"


def _recall_of(slices: Sequence[FaceSlice], by: str, name: str) -> str:
    return next((_share(each.recall) for each in slices if (each.by, each.name) == (by, name)), NONE)


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"
