"""Counts as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.workbench.pages.page import Rows
from training.evaluation.counts.records import CountEvaluation, CountResult

NONE = "-"


def tables(evaluation: CountEvaluation) -> Iterator[Rows]:
    """Everything that was measured; shares and brackets of all clips together."""
    results = [*evaluation.clips, *([evaluation.total] if evaluation.total else [])]
    yield count_table(results)
    yield track_table(results)
    if any(result.gender for result in results):
        yield gender_table(results)
    whole = results[-1]
    if whole.brackets:
        yield bracket_table(whole, evaluation.taxonomy)


def count_table(results: Sequence[CountResult]) -> Rows:
    """What was counted, and what the error is made of."""
    columns = (
        "clip", "people", "expected", "visits", "error", "merged", "split", "missed", "brief", "ghosts",
    )  # fmt: skip
    rows = [
        (
            each.clip, *(f"{number:,}" for number in (each.people, each.expected, each.visits)),
            NONE if each.count_error_pct is None else f"{each.count_error_pct:+.1f} %",
            *(f"{number:,}" for number in (each.merged, each.split, each.missed, each.brief, each.ghosts)),
        )
        for each in results
    ]  # fmt: skip
    return Rows("visits = expected - merged - missed + split + brief + ghosts", columns, rows)


def track_table(results: Sequence[CountResult]) -> Rows:
    """Dwell times and identities."""
    rows = [
        (
            each.clip, f"{each.duration_s:.1f} s",
            NONE if each.dwell is None else f"{each.dwell.median_s:.2f} s",
            NONE if each.dwell is None else f"{each.dwell.p90_s:.2f} s",
            NONE if each.idf1 is None else f"{each.idf1:.3f}", each.matched_by,
        )
        for each in results
    ]  # fmt: skip
    columns = ("clip", "length", "dwell error, median", "nine in ten below", "IDF1", "matched by")
    return Rows("Dwell times against first and last sight", columns, rows)


def gender_table(results: Sequence[CountResult]) -> Rows:
    """Women among those whose gender is known."""
    rows = []
    for each in results:
        if each.gender is None:
            rows.append((each.clip, *(NONE,) * 4))
            continue
        found = each.gender
        rows.append(
            (
                each.clip, _share(found.women_true), f"{found.unknown_true:,}", _share(found.women),
                f"{found.unknown:,}",
            )
        )  # fmt: skip
    columns = ("clip", "women, truth", "unknown, truth", "women, visits", "unknown, visits")
    return Rows("Share of women among the known", columns, rows)


def bracket_table(result: CountResult, taxonomy: str) -> Rows:
    """Expected visits and visits by bracket, as shares of the known."""
    known = [each for each in result.brackets if each.bracket != "unknown"]
    expected, visits = sum(each.expected for each in known), sum(each.visits for each in known)
    rows = [
        (
            each.bracket, f"{each.expected:,}", _part(each.expected, expected), f"{each.visits:,}",
            _part(each.visits, visits),
        )
        for each in known
    ]  # fmt: skip
    rows += [
        (each.bracket, f"{each.expected:,}", NONE, f"{each.visits:,}", NONE) for each in result.brackets[len(known) :]
    ]
    columns = ("bracket", "expected", "of the known", "visits", "of the known")
    return Rows(f"Age brackets ({taxonomy}), {result.clip}", columns, rows)


def _share(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f} %"


def _part(count: int, of: int) -> str:
    return _share(count / of if of else None)
