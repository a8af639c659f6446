"""From a truth and what was observed to figures that add up over clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.errors import BadInput, explain
from edge.schemas.taxonomy import Taxonomy
from edge.sensor.types import VisitSummary
from training.evaluation.counts.identity import IdentityCounts
from training.evaluation.counts.matching import Matching, match_by_boxes, match_by_time
from training.evaluation.counts.records import BracketShare, CountResult, DwellErrors, GenderShares
from training.evaluation.counts.truth import Person, Stay, Truth, durations, stays_of
from training.evaluation.counts.watching import Observed

TOTAL = "all clips"
RATE_TOLERANCE = 0.02
"""Share by which the rate of a clip may differ from that of its truth."""
END_TOLERANCE_S = 1.0
"""Time by which an interval may reach past the end of its clip."""
UNKNOWN = "unknown"
NUMBERS = (
    "frames", "duration_s", "people", "expected", "visits", "merged", "split", "missed", "brief", "ghosts",
)  # fmt: skip
COUNTERS = ("genders_true", "genders", "brackets_true", "brackets")


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of a clip as they are summed. genders: labels, UNKNOWN included. brackets: indices, None for unknown."""

    clip: str
    frames: int
    duration_s: float
    people: int
    expected: int
    visits: int
    merged: int
    split: int
    missed: int
    brief: int
    ghosts: int
    dwell_errors_s: tuple[float, ...]
    identity: IdentityCounts | None
    genders_true: Counter[str]
    genders: Counter[str]
    brackets_true: Counter[int | None]
    brackets: Counter[int | None]


def need_same_clip(truth: Truth, observed: Observed, clip: str) -> None:
    """Raise BadInput where a truth cannot be of this clip: another number, rate or size of frames, or a later end."""
    times = observed.times_s
    end = times[-1] + durations(times)[-1] if times else 0.0
    step = "is it the truth of this clip?"
    if truth.frames is not None and len(truth.frames) != len(times):
        expected = f"the {len(truth.frames)} of its truth"
        raise BadInput(
            explain("other frames than its truth", where=clip, got=len(times), expected=expected, next_step=step)
        )
    if truth.size_wh is not None and truth.size_wh != observed.size_wh:
        got, expected = (f"{width}x{height} px" for width, height in (observed.size_wh, truth.size_wh))
        raise BadInput(explain("another size than its truth", where=clip, got=got, expected=expected, next_step=step))
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else None
    if truth.fps is not None and rate is not None and abs(rate / truth.fps - 1) > RATE_TOLERANCE:
        got, expected = f"{rate:.2f} frames/s", f"{truth.fps:g}"
        raise BadInput(explain("another rate than its truth", where=clip, got=got, expected=expected, next_step=step))
    latest = max((stop for person in truth.people for _, stop in person.intervals), default=0.0)
    if latest > end + END_TOLERANCE_S:
        got, expected = f"{end:.1f} s", f"{latest:.1f} s or more, as its truth says"
        raise BadInput(explain("ends too early", where=clip, got=got, expected=expected, next_step=step))


def score(clip: str, truth: Truth, observed: Observed, taxonomy: Taxonomy) -> Scores:
    """Score a clip. Raises BadInput where the truth is of another clip, or of another taxonomy."""
    need_same_clip(truth, observed, clip)
    _need_brackets(truth, taxonomy, clip)
    stays = stays_of(truth, observed.times_s)
    by_time = truth.frames is None
    matching = match_by_time(stays, observed.visits) if by_time else match_by_boxes(truth, stays, observed)
    expected = [number for number, stay in enumerate(stays) if stay.expected]
    people = [truth.people[stays[number].person] for number in expected]
    own = Counter(matching.owners)
    without = [number for number in expected if not own[number]]
    merged = sum(number in matching.swallowed for number in without)
    return Scores(
        clip=clip,
        frames=len(observed.times_s),
        duration_s=sum(durations(observed.times_s)),
        people=len({stays[number].person for number in expected}),
        expected=len(expected),
        visits=len(observed.visits),
        merged=merged,
        split=sum(own[number] - 1 for number in expected if own[number]),
        missed=len(without) - merged,
        brief=sum(count for number, count in own.items() if number is not None and not stays[number].expected),
        ghosts=own[None],
        dwell_errors_s=tuple(_dwell_errors(expected, stays, matching, observed.visits)),
        identity=matching.identity,
        genders_true=Counter(person.gender or UNKNOWN for person in people),
        genders=Counter(visit.gender.label for visit in observed.visits if visit.gender is not None),
        brackets_true=Counter(person.bracket_in(taxonomy) for person in people),
        brackets=Counter(visit.age.bracket for visit in observed.visits if visit.age is not None),
    )


def add_up(parts: Sequence[Scores]) -> Scores:
    """All clips together: counts are summed, identities are those of their own clip."""
    with_boxes = [part.identity for part in parts if part.identity is not None]
    identity = IdentityCounts(*map(sum, zip(*with_boxes, strict=True))) if with_boxes else None
    summed: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in NUMBERS}
    counted: dict[str, Any] = {name: sum((getattr(part, name) for part in parts), Counter()) for name in COUNTERS}
    errors = tuple(error for part in parts for error in part.dwell_errors_s)
    return Scores(clip=TOTAL, dwell_errors_s=errors, identity=identity, **summed, **counted)


def as_result(scores: Scores, taxonomy: Taxonomy, *, boxes: int = 0, clips: int = 1) -> CountResult:
    """The figures to report. boxes: how many of the clips have a truth with boxes."""
    error = 100 * (scores.visits - scores.expected) / scores.expected if scores.expected else None
    return CountResult(
        clip=scores.clip,
        frames=scores.frames,
        duration_s=round(scores.duration_s, 3),
        matched_by="boxes" if boxes == clips else "both" if boxes else "time",
        people=scores.people,
        expected=scores.expected,
        visits=scores.visits,
        count_error_pct=error,
        merged=scores.merged,
        split=scores.split,
        missed=scores.missed,
        brief=scores.brief,
        ghosts=scores.ghosts,
        dwell=_dwell(scores.dwell_errors_s),
        idf1=scores.identity.idf1 if scores.identity else None,
        gender=_genders(scores),
        brackets=_brackets(scores, taxonomy),
    )


def _dwell_errors(
    expected: Sequence[int], stays: Sequence[Stay], matching: Matching, visits: Sequence[VisitSummary]
) -> list[float]:
    found = []
    for number in expected:
        own = [visit.dwell_s for visit, owner in zip(visits, matching.owners, strict=True) if owner == number]
        if own:
            found.append(abs(max(own) - stays[number].dwell_s))
    return found


def _dwell(errors_s: Sequence[float]) -> DwellErrors | None:
    if not errors_s:
        return None
    median, p90 = np.percentile(errors_s, (50, 90))
    return DwellErrors(visits=len(errors_s), median_s=round(float(median), 3), p90_s=round(float(p90), 3))


def _genders(scores: Scores) -> GenderShares | None:
    """None where neither the truth nor the model set says anything."""
    true, told = scores.genders_true, scores.genders
    if not told and set(true) <= {UNKNOWN}:
        return None
    return GenderShares(
        women_true=_women(true),
        known_true=true["female"] + true["male"],
        unknown_true=true[UNKNOWN],
        women=_women(told),
        known=told["female"] + told["male"],
        unknown=scores.visits - told["female"] - told["male"],
    )


def _women(genders: Counter[str]) -> float | None:
    known = genders["female"] + genders["male"]
    return genders["female"] / known if known else None


def _brackets(scores: Scores, taxonomy: Taxonomy) -> list[BracketShare]:
    """A row for each bracket and one for unknown; none where nothing is known."""
    known, told = scores.expected - scores.brackets_true[None], sum(scores.brackets.values()) - scores.brackets[None]
    if not known and not told:
        return []
    rows = [
        BracketShare(bracket=each.label, expected=scores.brackets_true[number], visits=scores.brackets[number])
        for number, each in enumerate(taxonomy.brackets)
    ]
    return [*rows, BracketShare(bracket=UNKNOWN, expected=scores.expected - known, visits=scores.visits - told)]


def _need_brackets(truth: Truth, taxonomy: Taxonomy, clip: str) -> None:
    """Raise BadInput where a person has a bracket of another taxonomy."""
    wrong = next((p for p in truth.people if p.bracket is not None and _unplaced(p, taxonomy)), None)
    if wrong is not None:
        expected = ", ".join(bracket.label for bracket in taxonomy.brackets)
        what = f"the truth has a bracket that {taxonomy.name} lacks: person {wrong.person_id}"
        step = "give age in its place, or --set attributes.taxonomy"
        raise BadInput(explain(what, where=clip, got=wrong.bracket, expected=expected, next_step=step))


def _unplaced(person: Person, taxonomy: Taxonomy) -> bool:
    return person.bracket_in(taxonomy) is None
