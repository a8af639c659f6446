"""Words of labels to values: ages, bands of ages, genders. A word that means nothing is refused, never guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from edge.errors import BadInput, explain
from edge.schemas.taxonomy import ADIENCE_8
from edge.workbench.labelled.samples import OLDEST, AgeRange, Gender

GENDERS: Mapping[str, Gender] = {
    "f": "female",
    "female": "female",
    "w": "female",
    "woman": "female",
    "m": "male",
    "male": "male",
    "man": "male",
}
_NUMBERS = re.compile(r"\d+")


def read_gender(word: str, where: str) -> Gender | None:
    """F, M, female, male and their like in any case; None for an empty word. Raises BadInput."""
    if not word.strip():
        return None
    found = GENDERS.get(word.strip().lower())
    if found is None:
        raise BadInput(explain("unknown gender", where=where, got=repr(word), expected="F or M, or nothing"))
    return found


def read_age(word: str, where: str) -> float | None:
    """Years from 0 to 120; None for an empty word. Raises BadInput."""
    if not word.strip():
        return None
    try:
        age = float(word)
    except ValueError:
        age = math.nan
    if not 0 <= age <= OLDEST:
        raise BadInput(explain("age out of range", where=where, got=repr(word), expected=f"years from 0 to {OLDEST}"))
    return age


def whole_years(age: float | None) -> AgeRange | None:
    """The range of a single age."""
    return None if age is None else (int(age), int(age))


def read_band(word: str, where: str) -> AgeRange | None:
    """A band such as `20-29`, `more than 70` or `(25, 32)`, or a single age, as a range.

    None for an empty word or `None`. An open end reaches to 100. Raises BadInput.
    """
    if not word.strip() or word.strip() == "None":
        return None
    numbers = [int(number) for number in _NUMBERS.findall(word)]
    if "more than" in word or word.strip().endswith("+"):
        numbers = [*numbers[:1], 100]
    low, high = (numbers[0], numbers[-1]) if len(numbers) in (1, 2) else (1, 0)
    if not 0 <= low <= high <= OLDEST:
        expected = "one age or two, from 0 to 120"
        raise BadInput(explain("unknown band of ages", where=where, got=repr(word), expected=expected))
    return low, high


def adience_band(found: AgeRange) -> AgeRange:
    """The band of adience-8 that shares most years with a label; where it shares none, the nearest one.

    The set has labels outside its own eight bands: single ages, and ranges such as (38, 48) or (8, 23).
    """
    low, high = found
    shared = [min(high, band.high) - max(low, band.low) + 1 for band in ADIENCE_8.brackets]
    best = max(shared)
    index = shared.index(best) if best > 0 else ADIENCE_8.bracket_of((low + high) / 2)
    return ADIENCE_8.brackets[index].low, ADIENCE_8.brackets[index].high
