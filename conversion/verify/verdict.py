"""What misses a gate, in words, and whether there were enough faces to tell."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import NamedTuple

from conversion.request.recipe import Gate

FEW_EXPECTED = 5
"""Fewer wrong faces than this where the gate is just reached: a set too small for a share."""
BY_CHANCE = 0.05
"""Least probability at which a network that just reaches the gate does as badly on such a set."""


class Share(NamedTuple):
    """Faces that are wrong, and all faces."""

    wrong: int
    faces: int


def failures(metrics: Mapping[str, float], gate: Gate, shares: Mapping[str, Share] | None = None) -> tuple[str, ...]:
    """What misses the gate, in words. A metric that the gate names and nobody measured is a miss.

    shares: for metrics that are a share of faces, how many of them were wrong; a verdict on few faces then says so.
    """
    if metrics.get("faces") == 0:
        return ("the reference finds no face of 20 px in these pictures: give photographs with faces, or more of them",)
    told = shares or {}
    missed = [
        f"{key} {_text(metrics, key)} < {least}{_explain_share(told.get(key), least)}"
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
    """Whether a network that just reaches the gate would often do as badly on so few faces (binomial test)."""
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
