"""Requirements that counts must meet, as text: `count_error_pct<=5`, `merged<=2`, `idf1>=0.9`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.errors import UsageError, explain
from training.evaluation.bounds import is_within
from training.evaluation.counts.records import CountEvaluation, CountResult, CountVerdict

_FORM = re.compile(r"\s*(\w+)\s*(<=|>=)\s*(\d*\.?\d+)\s*")
MEASURES = ("count_error_pct", "merged", "split", "missed", "ghosts", "dwell_median_s", "dwell_p90_s", "idf1")
EXPECTED = "MEASURE<=NUMBER or >=, such as count_error_pct<=5 or idf1>=0.9"


@dataclass(frozen=True, slots=True)
class CountRequirement:
    """A bound on one measure over all clips; on the amount of an error of the count, whatever its sign."""

    text: str
    measure: str
    at_most: bool
    bound: float


def parse_count_requirement(text: str) -> CountRequirement:
    """Read a requirement. Raises UsageError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(explain("not a requirement", where="--require", got=repr(text), expected=EXPECTED))
    measure, sign, number = found.groups()
    if measure not in MEASURES:
        raise UsageError(explain("no such measure", where="--require", got=measure, expected=", ".join(MEASURES)))
    return CountRequirement(text, measure, sign == "<=", float(number))


def judge_counts(requirement: CountRequirement, evaluation: CountEvaluation) -> CountVerdict:
    """Whether all clips together meet it; what was not measured does not."""
    value = _value(requirement.measure, evaluation.total or evaluation.clips[0])
    met = is_within(value, requirement.bound, at_most=requirement.at_most)
    return CountVerdict(requirement=requirement.text, value=value, met=met)


def count_verdict_line(verdict: CountVerdict) -> str:
    """One line: met or missed."""
    value = "not measured" if verdict.value is None else f"{verdict.value:.4g}"
    return f"{'met' if verdict.met else 'MISSED'}: {verdict.requirement}; {value}"


def _value(measure: str, result: CountResult) -> float | None:
    if measure == "count_error_pct":
        return None if result.count_error_pct is None else abs(result.count_error_pct)
    if measure.startswith("dwell_"):
        return None if result.dwell is None else float(getattr(result.dwell, measure.removeprefix("dwell_")))
    value: float | None = getattr(result, measure)
    return value
