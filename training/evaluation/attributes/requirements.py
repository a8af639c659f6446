"""Requirements that a network must meet, as text: `mae_years@18-75<=5.2`; for releases and continuous integration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.errors import UsageError, explain
from edge.schemas.taxonomy import ADS_8
from training.evaluation.attributes.gaps import GENDER_GAP, GROUP_MAE_RATIO
from training.evaluation.attributes.measures import measure_names
from training.evaluation.attributes.records import Result, Verdict
from training.evaluation.bounds import is_within

_FORM = re.compile(r"\s*([\w-]+)\s*(?:@\s*([^<>=]+?)\s*)?(<=|>=)\s*(-?[\d.]+)\s*")
_AGES = re.compile(r"all|\d{1,3}-\d{1,3}|\d{1,3}\+")
GENDERS = ("female", "male")
EXPECTED = "MEASURE[@AGES,GENDER,GROUP]<=NUMBER or >=, such as mae_years@18-75<=5.2 or gender_accuracy@13+,female>=0.95"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A bound on one measure over one slice, in years or as a share 0-1."""

    text: str
    measure: str
    ages: str
    gender: str | None
    group: str | None
    at_most: bool
    bound: float


def parse_requirement(text: str, spans: Sequence[str]) -> Requirement:
    """Read a requirement; its ages are `all`, one of the spans, or a band of ads-8. Raises UsageError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(explain("not a requirement", where="--require", got=repr(text), expected=EXPECTED))
    measure, place, sign, number = found.groups()
    names = [*measure_names(), GROUP_MAE_RATIO, GENDER_GAP]
    if measure not in names:
        expected = ", ".join(names)
        raise UsageError(explain("no such measure", where="--require", got=measure, expected=expected))
    words = [word.strip() for word in (place or "all").split(",")]
    ages = words.pop(0) if words and _AGES.fullmatch(words[0]) else "all"
    _need_measured(ages, spans)
    genders = [word for word in words if word in GENDERS]
    groups = [word for word in words if word not in GENDERS]
    if len(genders) > 1 or len(groups) > 1:
        raise UsageError(explain("more than one gender or group", where="--require", got=repr(text), expected=EXPECTED))
    gender, group = (each[0] if each else None for each in (genders, groups))
    return Requirement(text, measure, ages, gender, group, sign == "<=", _number(number, text))


def judge(requirement: Requirement, result: Result) -> Verdict:
    """Whether a result meets the requirement; not met where no photograph counts."""
    key = (requirement.ages, requirement.gender, requirement.group)
    found = next((each for each in result.slices if (each.ages, each.gender, each.group) == key), None)
    measure = found.measures.get(requirement.measure) if found else None
    value = measure.value if measure else None
    met = is_within(value, requirement.bound, at_most=requirement.at_most)
    return Verdict(
        requirement=requirement.text,
        measure=requirement.measure,
        data_set=result.data_set,
        model_set=result.model_set,
        value=value,
        met=met,
    )


def _need_measured(ages: str, spans: Sequence[str]) -> None:
    known = ["all", *spans, *(bracket.label for bracket in ADS_8.brackets)]
    if ages not in known:
        expected, next_step = ", ".join(known), f"measure them with --ages {ages}"
        where = "--require"
        raise UsageError(
            explain("ages that are not measured", where=where, got=ages, expected=expected, next_step=next_step)
        )


def _number(number: str, text: str) -> float:
    try:
        return float(number)
    except ValueError as error:
        raise UsageError(explain("not a number", where="--require", got=repr(text), expected=EXPECTED)) from error
