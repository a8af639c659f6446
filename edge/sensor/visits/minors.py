"""What may be sent about a visit that is probably a minor's (under 13): the setting `privacy.minors`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from edge.sensor.types import AgeGuess, AttributeEstimate, GenderGuess
from edge.sensor.visits.fusion import Fusion

Policy = Literal["unknown", "band", "drop"]
_UNKNOWN_GENDER = GenderGuess("unknown", 0.0, 0.5)


class Profile(NamedTuple):
    """Apparent gender and age that may be sent; None where the model set does not estimate them."""

    gender: GenderGuess | None
    age: AgeGuess | None


def profile(looks: Sequence[AttributeEstimate], fusion: Fusion, policy: Policy) -> Profile | None:
    """Fuse a visit's looks under the policy; None for a visit that must not be sent at all.

    `unknown`: a minor has no gender, no years, and the bracket under 13, which is the interval, too; a taxonomy with
    several of them (adience-8) would reveal more than that, so there both are unknown. `band`: as estimated. `drop`:
    nothing.
    """
    gender, age = fusion.guess_gender(looks), fusion.guess_age(looks)
    if policy == "band" or not fusion.is_minor(looks):
        return Profile(gender, age)
    if policy == "drop":
        return None
    return Profile(gender and _UNKNOWN_GENDER, age and _as_child(age, fusion))


def _as_child(age: AgeGuess, fusion: Fusion) -> AgeGuess:
    children = fusion.child_brackets()
    only_one = len(children) == 1 and age.bracket is not None
    child = children[0] if only_one else None
    return AgeGuess(child, age.confidence, None, None if child is None else (child, child))
