"""The bound of a requirement: what every `--require` of an evaluation compares a measured value with."""

from __future__ import annotations


def is_within(value: float | None, bound: float, *, at_most: bool) -> bool:
    """Whether a value is at most, or else at least, the bound; what was not measured is not."""
    if value is None:
        return False
    return value <= bound if at_most else value >= bound
