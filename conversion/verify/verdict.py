"""Which metrics miss a gate, in words, and whether there were enough faces to be sure."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import NamedTuple

from conversion.request.recipe import Gate

FEW_EXPECTED = 5
"""A set is too small where a network that just passes the gate would get fewer faces wrong than this."""
BY_CHANCE = 0.05
"""Least probability, for such a set to be too small, that a network that just passes the gate does as badly on it."""


class Share(NamedTuple):
    """Number of wrong faces, and of all faces."""

    wrong: int
    faces: int


def failures(metrics: Mapping[str, float], gate: Gate, shares: Mapping[str, Share] | None = None) -> tuple[str, ...]:
    """The metrics that miss the gate, in words. A metric that the gate names and that was not measured is a miss.

    shares: for metrics that are a share of faces, how many were wrong; the text then says where there were too few.
    """
    if metrics.get("faces") == 0:
        return ("the reference finds no face of 20 px in these pictures: give photographs with faces, or more of them",)
    counts = shares or {}
    missed = [
        f"{key} {_text(metrics, key)} < {least}{_explain_share(counts.get(key), least)}"
        for key, least in gate.least.items()
        if not (key in metrics and metrics[key] >= least)
    ]
    missed += [
        f"{key} {_text(metrics, key)} > {most}"
        for key, most in gate.most.items()
        if not (key in metrics and metrics[key] <= most)
    ]
    return tuple(missed)


def is_too_few(share: Share, least: float) -> bool:
    """Whether a network that just passes the gate would often do as badly on so few faces (binomial test)."""
    miss = 1 - least
    if share.faces * miss >= FEW_EXPECTED:
        return False
    better = sum(comb(share.faces, k) * miss**k * least ** (share.faces - k) for k in range(share.wrong))
    return 1 - better >= BY_CHANCE


def _explain_share(share: Share | None, least: float) -> str:
    if share is None or share.faces == 0:
        return ""
    counted = f"{share.wrong} of {share.faces} faces"
    return f" ({counted}: too few to tell, give more pictures)" if is_too_few(share, least) else f" ({counted})"


def _text(metrics: Mapping[str, float], key: str) -> str:
    return f"{metrics[key]:.4g}" if key in metrics else "not measured"
