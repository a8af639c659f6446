"""The report of an evaluation as one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge.schemas.taxonomy import ADIENCE_8, ADS_8
from edge.workbench.pages.page import Note, Part, Plot, Section, render_page
from training.evaluation.attributes.charts import (
    draw_confusion,
    draw_coverage,
    draw_error_by_age,
    draw_reliability,
    draw_subgroups,
)
from training.evaluation.attributes.records import Evaluation, Result
from training.evaluation.attributes.tables import (
    by_data_set,
    measure_table,
    reading_table,
    slice_table,
    totals,
    verdict_line,
)

_LEAD = (
    "Apparent age and gender against the labels of photographs, one look per face. Figures in brackets are 95 % "
    "bootstrap intervals: another such set of photographs would most likely give a figure between them."
)


def render_evaluation(evaluation: Evaluation) -> str:
    """The page of a run."""
    notes: list[Part] = [Note(line) for line in evaluation.warnings]
    how = f"Passerby {evaluation.version}; {evaluation.draws:,} draws, seed {evaluation.seed}. In photographs that are "
    how += f"not aligned chips, {evaluation.face_choice} is used."
    notes += [verdict_line(verdict) for verdict in evaluation.verdicts]
    sections = [_section(name, results) for name, results in by_data_set(evaluation.results)]
    return render_page("Evaluation of age and gender", _LEAD, [Section("", [how, *notes]), *sections])


def _section(name: str, results: Sequence[Result]) -> Section:
    tables: list[Part] = [reading_table(results)]
    tables += [measure_table(results, each.ages) for each in totals(results[0])[:2]]
    drawn = (draw_error_by_age, draw_subgroups, draw_reliability, draw_coverage)
    plots = [*(each(results) for each in drawn), *_confusions(results)]
    slices = [replace(slice_table([result]), caption=result.model_set) for result in results]
    return Section(name, [*tables, *(plot for plot in plots if plot is not None), *slices])


def _confusions(results: Sequence[Result]) -> list[Plot | None]:
    """Ages in the default taxonomy, or in that of class models; genders."""
    plots = []
    for result in results:
        name = ADS_8.name if result.error_by_age or ADIENCE_8.name not in result.confusion else ADIENCE_8.name
        plots += [draw_confusion(result, name), draw_confusion(result, "gender")]
    return plots
