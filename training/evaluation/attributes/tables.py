"""Results as rows of text: the same for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edge.schemas.taxonomy import ADS_8, TAXONOMIES
from edge.workbench.pages.page import Rows
from training.evaluation.attributes.gaps import GENDER_GAP, GROUP_MAE_RATIO
from training.evaluation.attributes.records import Measure, Result, SliceResult, Verdict

NONE = "-"
_GENERAL = (
    ("mean error of years (MAE)", "mae_years"),
    ("signed error of years (bias)", "bias_years"),
    ("within 5 years, CS(5)", "cs5"),
    ("gender right", "gender_accuracy"),
    ("gender reported (not `unknown`)", "gender_coverage"),
    ("reported gender right", "gender_answered_accuracy"),
    ("gender calibration error (ECE)", "gender_ece"),
    ("worst group's MAE to the mean", GROUP_MAE_RATIO),
    ("gender right, women and men apart", GENDER_GAP),
)
_BRACKET = (
    ("band right", "accuracy"),
    ("band right or next to it", "one_off"),
    ("band in the interval (80 % are meant to be)", "interval"),
    ("band reported (not `unknown`)", "coverage"),
    ("reported band right", "answered_accuracy"),
    ("band calibration error (ECE)", "ece"),
)
_SHORT = (
    ("MAE", "mae_years"),
    ("bias", "bias_years"),
    ("gender", "gender_accuracy"),
    ("band", f"{ADS_8.name}_accuracy"),
)


def by_data_set(results: Sequence[Result]) -> Iterator[tuple[str, list[Result]]]:
    """Results of each data set together, in their order."""
    names = dict.fromkeys(result.data_set for result in results)
    for name in names:
        yield name, [result for result in results if result.data_set == name]


def totals(result: Result) -> list[SliceResult]:
    """The slices that are not narrowed by gender or group, except for the bands."""
    bands = {bracket.label for bracket in ADS_8.brackets}
    return [each for each in result.slices if each.gender is None and each.group is None and each.ages not in bands]


def measure_table(results: Sequence[Result], ages: str) -> Rows:
    """Measures in rows, model sets in columns, over all photographs or a span of ages; rows without a value are
    dropped.
    """
    slices = [next(each for each in totals(result) if each.ages == ages) for result in results]
    rows = [(words, *(show(each.measures.get(name), name) for each in slices)) for words, name in _measure_names()]
    whose = "all" if ages == "all" else f"ages {ages}"
    columns = (
        f"{whose}: {slices[0].photographs:,} photographs (95 % interval)",
        *(result.model_set for result in results),
    )
    return Rows("", columns, [row for row in rows if set(row[1:]) != {NONE}])


def slice_table(results: Sequence[Result]) -> Rows:
    """Slices in rows; mean and signed error in years, gender and ads-8 band right, of each model set in columns.

    A single model set is shown with its intervals.
    """
    cells = _full if len(results) == 1 else _brief
    heads = [head if len(results) == 1 else f"{result.model_set} {head}" for result in results for head, _ in _SHORT]
    rows = [
        (each.name, f"{each.photographs:,}", *(cell for result in results for cell in cells(_same(each, result))))
        for each in results[0].slices
    ]
    return Rows("", ("by age, gender and group", "photographs", *heads), rows)


def _full(found: SliceResult) -> list[str]:
    return [show(found.measures.get(name), name) for _, name in _SHORT]


def _brief(found: SliceResult) -> list[str]:
    return [brief(found.measures.get(name), name) for _, name in _SHORT]


def reading_table(results: Sequence[Result]) -> Rows:
    """What was evaluated, and on what."""
    columns = ("model set", "networks", "target", "photographs", "unreadable", "without a face", "reported from")
    rows = [
        (
            result.model_set + (", untrained" if result.untrained else ""),
            ", ".join(result.networks),
            result.target,
            f"{result.photographs:,}",
            f"{result.unreadable:,}",
            f"{result.without_face:,}",
            f"gender {result.min_gender_confidence:g}, age {result.min_age_confidence:g}",
        )
        for result in results
    ]
    return Rows("", columns, rows)


def verdict_line(verdict: Verdict) -> str:
    """Whether a requirement is met, by which model set."""
    got = "nothing measured" if verdict.value is None else brief_value(verdict.value, verdict.measure)
    word = "met" if verdict.met else "MISSED"
    return f"{word}: {verdict.requirement} by {verdict.model_set} on {verdict.data_set}: {got}"


def show(measure: Measure | None, name: str) -> str:
    """A measure with its interval: `5.10 (4.95 to 5.26)`, `94.1 % (93.4 to 94.8)`."""
    if measure is None or measure.value is None:
        return NONE
    if measure.low is None or measure.high is None:
        return brief_value(measure.value, name)
    scale, places, unit = _format(name)
    value, low, high = (f"{each * scale:.{places}f}" for each in (measure.value, measure.low, measure.high))
    return f"{value}{unit} ({low} to {high})"


def brief(measure: Measure | None, name: str) -> str:
    """A measure without its interval."""
    return NONE if measure is None or measure.value is None else brief_value(measure.value, name)


def brief_value(value: float, name: str) -> str:
    """A measure's value with its unit."""
    scale, places, unit = _format(name)
    sign = "+" if name == "bias_years" else ""
    return f"{value * scale:{sign}.{places}f}{unit}"


def _format(name: str) -> tuple[float, int, str]:
    return (1.0, 2, "") if name.endswith(("_years", "_ratio")) else (100.0, 1, " %")


def _measure_names() -> Iterable[tuple[str, str]]:
    yield from _GENERAL
    for taxonomy in TAXONOMIES:
        for words, name in _BRACKET:
            yield f"{taxonomy}: {words}", f"{taxonomy}_{name}"


def _same(wanted: SliceResult, result: Result) -> SliceResult:
    """The slice of another result on the same data set; an empty one where it does not have it."""
    key = (wanted.ages, wanted.gender, wanted.group)
    found = next((each for each in result.slices if (each.ages, each.gender, each.group) == key), None)
    nothing = Measure(value=None, low=None, high=None, photographs=0)
    return found or SliceResult(
        ages=wanted.ages, gender=wanted.gender, group=wanted.group, name=wanted.name, photographs=0,
        measures=dict.fromkeys(wanted.measures, nothing),
    )  # fmt: skip
