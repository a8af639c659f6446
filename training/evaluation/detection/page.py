"""The report of an evaluation of detectors as one page."""

from __future__ import annotations

from collections.abc import Sequence

from edge.workbench.pages.drawing import label, legend, new_figure, png, series_colour
from edge.workbench.pages.page import Note, Part, Plot, Section, render_page
from training.evaluation.detection.records import BoxResult, DetectionEvaluation
from training.evaluation.detection.tables import detection_verdict_line, tables

_LEAD = "Face detectors on the same pictures. A detection is right where it overlaps a labelled face by half or more."


def render_detection(evaluation: DetectionEvaluation) -> str:
    """The page of an evaluation."""
    head: list[Part] = [f"Passerby {evaluation.version}.", *(Note(line) for line in evaluation.warnings)]
    head += [detection_verdict_line(verdict) for verdict in evaluation.verdicts]
    sets = dict.fromkeys(result.data_set for result in evaluation.boxes)
    curves = [_curves([each for each in evaluation.boxes if each.data_set == name]) for name in sets]
    return render_page("Evaluation of face detectors", _LEAD, [Section("", [*head, *tables(evaluation), *curves])])


def _curves(results: Sequence[BoxResult]) -> Plot:
    """Precision over recall, the manifest's score marked, and recall by the size of faces."""
    figure, (curve, size) = new_figure(10.4, 4.0, columns=2)
    for index, result in enumerate(results):
        colour = series_colour(index)
        curve.plot([p.recall for p in result.curve], [p.precision for p in result.curve], color=colour,
                   label=result.detector)  # fmt: skip
        if result.recall is not None and result.precision is not None:
            curve.plot(result.recall, result.precision, "o", color=colour)
        sizes = [each for each in result.slices if each.by == "size"]
        size.plot([each.name for each in sizes], [each.recall for each in sizes], marker=".", color=colour)
    label(curve, f"Precision over recall: {results[0].data_set}", "recall", "precision")
    label(size, "Recall by size of the face", "", "recall")
    size.tick_params(axis="x", labelrotation=30)
    legend(curve, loc="lower left")
    caption = f"Faces of at least {results[0].smallest_px:g} px; the dot is the manifest's score. By size, all count."
    return Plot(png(figure), "Curves of precision over recall, and recall by size", caption)
